import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { SessionId } from '../../base/ids.ts';
import {
  repositoryFileBytesMax,
  repositorySkillBytesMax,
  repositorySkillsMax,
  sandboxLimits,
} from '../../domain/limits.ts';
import type { ClonedRepository, Repository, RepositorySkill } from '../../domain/repositories.ts';
import { RepositoryProblem } from '../../domain/repositories.ts';
import type { Sandbox, SandboxProvider, SandboxSpec } from '../../domain/sandbox.ts';
import { introductionOf } from '../../domain/skill-front-matter.ts';
import { Refusal } from '../../protocol/refusal.ts';
import {
  cloneScript,
  exits,
  gitEnvironment,
  gitProblem,
  placeScript,
  runScript,
  skillScript,
  skillsScript,
} from './git.ts';

/** One repository of one session on its way from a mirror to the workspace. */
export type CloneJob = {
  readonly provider: SandboxProvider;
  readonly sessionId: SessionId;
  /** Of the host, with all that the session has. */
  readonly directory: string;
  readonly repository: Repository;
  readonly signal: AbortSignal;
};

type Mounts = SandboxSpec['mounts'];

/**
 * Makes a clone where no agent can reach: git works on nothing that somebody prepared for it. Its files belong to the
 * user of the session's sandboxes. Rejects with a `RepositoryProblem`.
 */
export async function makeClone(job: CloneJob, mirror: string): Promise<ClonedRepository> {
  const { repository, signal } = job;
  const clone = await emptyClone(job);
  const mounts: Mounts = [
    { host: clone, sandbox: '/workspace', readOnly: false },
    { host: mirror, sandbox: '/mnt/mirror', readOnly: true },
  ];
  return await within(job, mounts, async (sandbox) => {
    const { kind, which } = checkoutOf(repository);
    const run = await runScript(sandbox, {
      script: cloneScript,
      args: [repository.url, kind, which],
      signal,
    });
    if (run.code === exits.checkout)
      throw new RepositoryProblem('repository_checkout_error', `it has no ${kind} ${which}`);
    if (run.code !== 0) throw gitProblem(run, signal);
    return { skills: await skillsIn(sandbox, job) };
  });
}

/** Copies a clone to its place in the workspace. Rejects with a `RepositoryProblem`. */
export async function placeClone(job: CloneJob): Promise<void> {
  const { repository, signal } = job;
  const mounts: Mounts = [
    { host: await workspaceOf(job), sandbox: '/workspace', readOnly: false },
    { host: placeOf(job), sandbox: '/mnt/clone', readOnly: true },
  ];
  const args = [repository.mount_path, repository.id, repository.url];
  const run = await within(job, mounts, (sandbox) =>
    runScript(sandbox, { script: placeScript, args, signal }),
  );
  if (run.code === exits.taken)
    throw new RepositoryProblem(
      'repository_clone_error',
      `there is something else at ${repository.mount_path}`,
    );
  const isThere = run.code === 0 || run.code === exits.there;
  if (!isThere && signal.aborted) throw gitProblem(run, signal);
  if (!isThere)
    throw new RepositoryProblem('repository_clone_error', `it cannot be put at ${repository.mount_path}`);
  await rm(placeOf(job), { recursive: true, force: true });
}

/** Whether a clone that was on its way when the server died is in its place. */
export async function isPlaced(job: CloneJob): Promise<boolean> {
  const mounts: Mounts = [{ host: await workspaceOf(job), sandbox: '/workspace', readOnly: true }];
  const { mount_path: path } = job.repository;
  const script = 'test -e "$1/.git"';
  const run = await within(job, mounts, (sandbox) =>
    runScript(sandbox, { script, args: [path], signal: job.signal }),
  );
  return run.code === 0;
}

function placeOf({ directory, repository }: CloneJob): string {
  return join(directory, 'clones', repository.id);
}

async function workspaceOf({ directory }: CloneJob): Promise<string> {
  const workspace = join(directory, 'workspace');
  await mkdir(workspace, { recursive: true, mode: 0o700 });
  return workspace;
}

/** Anew: one that was begun before is of no use. */
async function emptyClone(job: CloneJob): Promise<string> {
  const clone = placeOf(job);
  await rm(clone, { recursive: true, force: true });
  await mkdir(clone, { recursive: true, mode: 0o700 });
  return clone;
}

async function within<T>(
  { provider, sessionId, signal }: CloneJob,
  mounts: Mounts,
  work: (sandbox: Sandbox) => Promise<T>,
): Promise<T> {
  const environment = gitEnvironment([
    ['protocol.file.allow', 'always'],
    ['safe.directory', '*'],
  ]);
  const limits = { ...sandboxLimits, fileBytesMax: repositoryFileBytesMax };
  const sandbox = await provider.provision(
    { id: sessionId, mounts, environment, limits, door: null },
    signal,
  );
  try {
    return await work(sandbox);
  } finally {
    await sandbox.destroy();
  }
}

function checkoutOf({ checkout }: Repository): {
  readonly kind: 'branch' | 'commit' | '';
  readonly which: string;
} {
  if (!checkout) return { kind: '', which: '' };
  if (checkout.type === 'branch') return { kind: 'branch', which: checkout.name };
  if (!/^[0-9a-f]+$/i.test(checkout.sha))
    throw new RepositoryProblem('repository_checkout_error', `${checkout.sha} is not the name of a commit`);
  return { kind: 'commit', which: checkout.sha.toLowerCase() };
}

/** What does not introduce itself as a skill is passed over: it is the repository's business, not the session's. */
async function skillsIn(
  sandbox: Sandbox,
  { repository, signal }: CloneJob,
): Promise<readonly RepositorySkill[]> {
  const listed = await runScript(sandbox, { script: skillsScript, args: [], signal });
  const folders = listed.stdout.toString().split('\0').slice(0, -1).slice(0, repositorySkillsMax);
  const skills: RepositorySkill[] = [];
  for (const folder of folders) {
    const args = [folder, String(repositorySkillBytesMax)];
    const { stdout } = await runScript(sandbox, { script: skillScript, args, signal });
    const introduction = introduced(stdout, folder.slice(folder.lastIndexOf('/') + 1));
    if (introduction !== null) skills.push({ ...introduction, path: `${repository.mount_path}/${folder}` });
  }
  return skills;
}

function introduced(skillMd: Buffer, directory: string) {
  // A path with line breaks in it would say more in a prompt than where the skill is.
  if (/\p{Cc}/u.test(directory)) return null;
  try {
    return introductionOf(skillMd, directory);
  } catch (cause) {
    if (cause instanceof Refusal) return null;
    throw cause;
  }
}

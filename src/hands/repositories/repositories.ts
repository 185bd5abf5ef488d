import { join } from 'node:path';
import type { SessionId } from '../../base/ids.ts';
import type { Log } from '../../base/log.ts';
import { createQueues } from '../../base/queues.ts';
import { repositoryFailuresKeptMax, repositoryMsMax } from '../../domain/limits.ts';
import type {
  Repositories,
  Repository,
  RepositoryHolder,
  RepositoryTokens,
} from '../../domain/repositories.ts';
import { RepositoryProblem, repositoriesOf, repositoryError } from '../../domain/repositories.ts';
import type { SandboxProvider } from '../../domain/sandbox.ts';
import type { SessionErrorObject } from '../../protocol/session-errors.ts';
import type { CloneJob } from './clone.ts';
import { isPlaced, makeClone, placeClone } from './clone.ts';
import type { Mirrors } from './mirrors.ts';
import type { ProbeRepository } from './probe.ts';
import type { CloneRecord } from './records.ts';
import { readRecords, writeRecords } from './records.ts';

export type RepositoriesOptions = {
  /** Of all sessions. */
  readonly directory: string;
  readonly provider: SandboxProvider;
  readonly mirrors: Mirrors;
  readonly probe: ProbeRepository;
  readonly tokens: RepositoryTokens;
  readonly log: Log;
};

/**
 * The way of a repository, for each of a session that is not in its place:
 *
 *   probe: may this token read it?  ─▶ mirror: fetch what is new  ─▶ clone: where no agent is  ─▶ place: in the workspace
 *   server, has the token              sandbox, through a door       sandbox, no network          sandbox, no git
 *
 * A record tells what was placed; that is never touched again. A crash on the way costs a clone.
 */
export function createRepositories(options: RepositoriesOptions): Repositories & { close(): Promise<void> } {
  const { directory, log } = options;
  const queues = createQueues();
  const closing = new AbortController();
  /** Attempts whose outcome nobody has asked for yet, by session. */
  const attempts = new Map<SessionId, Promise<readonly SessionErrorObject[]>>();
  const ending = new Map<SessionId, AbortController>();
  const recordOf = (sessionId: SessionId) => join(directory, sessionId, 'repositories.json');

  function keep(sessionId: SessionId, repository: Repository, record: CloneRecord): Promise<void> {
    return queues.run(`${sessionId} record`, async () => {
      const records = new Map(await readRecords(recordOf(sessionId)));
      await writeRecords(recordOf(sessionId), records.set(repository.id, record));
    });
  }

  async function bringOne(job: CloneJob): Promise<void> {
    const { sessionId, repository } = job;
    const record = (await readRecords(recordOf(sessionId))).get(repository.id);
    if (record?.stage === 'placed') return;
    if (record && (await isPlaced(job)))
      return await keep(sessionId, repository, { ...record, stage: 'placed' });
    const cloned = await cloneOf(options, job);
    await keep(sessionId, repository, { ...cloned, stage: 'placing' });
    await placeClone(job);
    await keep(sessionId, repository, { ...cloned, stage: 'placed' });
  }

  async function tryOne(job: CloneJob): Promise<readonly SessionErrorObject[]> {
    const { sessionId, repository } = job;
    try {
      await bringOne(job);
      return [];
    } catch (cause) {
      if (!(cause instanceof RepositoryProblem) && !closing.signal.aborted)
        log.warn('repository.not_cloned', { sessionId, resourceId: repository.id, cause });
      const problem =
        cause instanceof RepositoryProblem
          ? cause
          : new RepositoryProblem('repository_clone_error', 'something went wrong in this server');
      return [repositoryError(repository.url, problem)];
    }
  }

  async function attempt({ sessionId, resources }: RepositoryHolder): Promise<readonly SessionErrorObject[]> {
    const ends = new AbortController();
    ending.set(sessionId, ends);
    const errors: SessionErrorObject[] = [];
    // Those of one session follow each other: they may share a parent directory, and a mirror.
    for (const repository of repositoriesOf(resources)) {
      const signal = AbortSignal.any([closing.signal, ends.signal, AbortSignal.timeout(repositoryMsMax)]);
      const job = { ...options, sessionId, repository, signal, directory: join(directory, sessionId) };
      errors.push(...(await tryOne(job)));
    }
    ending.delete(sessionId);
    return errors;
  }

  function start(holder: RepositoryHolder): Promise<readonly SessionErrorObject[]> {
    const { sessionId } = holder;
    const made = queues.run(sessionId, () => attempt(holder));
    attempts.set(sessionId, made);
    const [oldest] = attempts.keys();
    if (attempts.size > repositoryFailuresKeptMax && oldest !== undefined) attempts.delete(oldest);
    return made;
  }

  return {
    warm(holder) {
      if (repositoriesOf(holder.resources).length > 0) void start(holder);
    },
    async bring(holder) {
      if (repositoriesOf(holder.resources).length === 0) return [];
      const errors = await (attempts.get(holder.sessionId) ?? start(holder));
      attempts.delete(holder.sessionId);
      return errors;
    },
    async cloned(sessionId) {
      const records = await readRecords(recordOf(sessionId));
      return new Map([...records].filter(([, { stage }]) => stage === 'placed'));
    },
    async release(sessionId) {
      ending.get(sessionId)?.abort();
      await queues.idle(sessionId);
      attempts.delete(sessionId);
    },
    async close() {
      closing.abort(new Error('the server is stopping'));
      await Promise.all([...ending.keys()].map((sessionId) => queues.idle(sessionId)));
    },
  };

  /** From the repository's server to a clone that is not in its place yet. */
  async function cloneOf({ probe, mirrors, tokens }: RepositoriesOptions, job: CloneJob) {
    const { sessionId, repository, signal } = job;
    const { id, url, checkout } = repository;
    const token = () => tokens.tokenOf(sessionId, id);
    const probed = await probe(url, await token(), signal);
    const sha = checkout?.type === 'commit' ? checkout.sha.toLowerCase() : '';
    const commit = /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(sha) ? sha : null;
    const placeholder = tokens.placeholderOf(sessionId, id);
    return await mirrors.use({ sessionId, url, probed, commit, placeholder, token }, signal, (mirror) =>
      makeClone(job, mirror),
    );
  }
}

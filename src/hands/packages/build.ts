import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { scrub } from '../../base/scrub.ts';
import { packagesComplaintCharactersMax, sandboxLimits } from '../../domain/limits.ts';
import type { PackageStep } from '../../domain/packages.ts';
import { buildVariables, packagesPlace } from '../../domain/packages.ts';
import type { Sandbox, SandboxProvider, SandboxSpec, SandboxSystem } from '../../domain/sandbox.ts';
import type { EnvironmentConfig } from '../../protocol/environments.ts';
import type { Doors } from '../egress/doors.ts';
import { createLastBytes } from '../tools/last-bytes.ts';
import { removeTree } from '../workspaces.ts';

export type BuildOptions = {
  readonly provider: SandboxProvider;
  readonly doors: Pick<Doors, 'openWithout'>;
  /** For the package managers, from who runs the server: registries, mirrors, and what they ask for. */
  readonly variables: Readonly<Record<string, string>>;
};

export type Build = {
  readonly key: string;
  /** Says what may be reached. */
  readonly config: EnvironmentConfig;
  readonly steps: readonly PackageStep[];
  /** Where everything goes: `tree` in it, or the parts of a layer of the system. */
  readonly directory: string;
  readonly system: SandboxSystem | null;
};

const outputBytesMax = 256 * 1024;

/** Runs package managers in a sandbox of their own. Rejects with what went wrong, in words for the session's log. */
export async function build(options: BuildOptions, work: Build, signal: AbortSignal): Promise<void> {
  const scratch = join(work.directory, 'scratch');
  const tree = work.system?.isBuilt ? [] : [mount(join(work.directory, 'tree'), packagesPlace)];
  const mounts = [
    ...tree,
    mount(join(scratch, 'workspace'), '/workspace'),
    mount(join(scratch, 'tmp'), '/tmp'),
    mount(join(scratch, 'home'), '/root'),
  ];
  for (const { host } of mounts) await mkdir(host, { recursive: true, mode: 0o755 });
  const { close, ...way } = await options.doors.openWithout(work.config);
  try {
    const spec: SandboxSpec = {
      id: `build-${work.key}`,
      limits: sandboxLimits,
      ...way,
      mounts: [...mounts, ...way.mounts],
      environment: { ...way.environment, ...buildVariables, ...options.variables },
      ...(work.system ? { system: work.system } : {}),
    };
    const sandbox = await options.provider.provision(spec, signal);
    try {
      await runSteps(sandbox, work, { signal, secrets: secretsIn(options.variables) });
    } finally {
      await sandbox.destroy();
    }
  } finally {
    await close();
  }
  await removeTree(scratch);
}

const mount = (host: string, sandbox: string) => ({ host, sandbox, readOnly: false });

type Running = { readonly signal: AbortSignal; readonly secrets: readonly string[] };

async function runSteps(sandbox: Sandbox, { steps, system }: Build, running: Running): Promise<void> {
  // Whoever shares it runs as somebody else.
  const opening = { manager: null, argv: ['chmod', '-R', 'u+rwX,go+rX,go-w', packagesPlace] };
  for (const { manager, argv } of [...steps, ...(system?.isBuilt ? [] : [opening])]) {
    const { code, said } = await runStep(sandbox, argv, running.signal);
    if (code === 0) continue;
    running.signal.throwIfAborted();
    const program = argv[0] ?? '';
    if (code === 127 && said.includes(`${program}: command not found`))
      throw new Error(`${manager}: there is no ${program} in the system of sandboxes`);
    const how = code === null ? 'was killed' : `ended with ${code}`;
    throw new Error(`${manager ?? program} ${how}: ${scrub(said, running.secrets)}`);
  }
}

async function runStep(sandbox: Sandbox, argv: readonly string[], signal: AbortSignal) {
  const output = createLastBytes(outputBytesMax);
  const process = sandbox.exec({
    argv: ['/bin/bash', '-c', 'umask 022; cd /workspace; "$@"', 'install', ...argv],
    onStdout: output.add,
    onStderr: output.add,
  });
  process.endInput();
  const kill = () => void sandbox.destroy();
  if (signal.aborted) kill();
  signal.addEventListener('abort', kill, { once: true });
  const { code } = await process.exited.finally(() => signal.removeEventListener('abort', kill));
  const text = stripVTControlCharacters(output.bytes().toString()).trim();
  return { code, said: text.slice(-packagesComplaintCharactersMax).toWellFormed() };
}

/** Passwords in URLs, and what its name calls a secret. */
function secretsIn(variables: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(variables).flatMap(([name, value]) => {
    if (/token|password|secret|auth|key$/i.test(name)) return [value];
    const { password = '' } = URL.canParse(value) ? new URL(value) : {};
    return password === '' ? [] : [password, decodeURIComponent(password)];
  });
}

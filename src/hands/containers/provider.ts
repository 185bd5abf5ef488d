import { createHash, randomUUID } from 'node:crypto';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { Sandbox, SandboxCapabilities, SandboxProvider, SandboxSpec } from '../../domain/sandbox.ts';
import { seccompProgram } from '../bubblewrap/seccomp.ts';
import { buildSupervisor } from '../supervisor/build.ts';
import { probeSpec } from '../supervisor/probe.ts';
import { connectSandbox } from '../supervisor/sandbox.ts';
import { sessionUid, takePlaces } from '../supervisor/session-user.ts';
import type { Engine, EngineFacts } from './engine.ts';
import { openEngine } from './engine.ts';
import { containerOptions } from './launch.ts';
import type { Place } from './place.ts';
import { makePlace } from './place.ts';

export type ContainerOptions = {
  /** Unix socket of Docker's or Podman's API, on this machine. */
  readonly socket: string;
  readonly image: string;
  /** Of the engine's runtimes; null: its default. */
  readonly runtime: string | null;
  readonly dataDir: string;
  /** Of this process. */
  readonly uid: number;
};

type Prepared = {
  readonly engine: Engine;
  readonly facts: EngineFacts;
  readonly supervisor: string;
  readonly seccomp: string;
  readonly etc: string;
};
type Provision = SandboxProvider['provision'];

const ownerLabel = 'anthill.owner';
const probeMsMax = 30_000;

/** Sandboxes as containers of Docker or Podman. */
export function createContainerProvider(options: ContainerOptions): SandboxProvider {
  const runDir = join(options.dataDir, 'run', 'containers');
  const owner = createHash('sha256').update(options.dataDir).digest('hex').slice(0, 16);
  const engine = once(() => openEngine(options.socket));
  const prepared = once(async () => await prepare(options, await engine()));
  const doorProblem = once(() => findDoorProblem(runDir, start));

  /** Takes the specification as it is. */
  async function start(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> {
    const parts = await prepared();
    signal.throwIfAborted();
    const uid = userOf(options.uid, parts.facts, spec);
    const isOwnUser = options.uid === 0 && uid !== 0;
    if (isOwnUser) takePlaces(spec, uid);
    const directory = join(runDir, randomUUID().slice(0, 8));
    const place = await makePlace({ directory, door: spec.door, uid });
    const labels = { [ownerLabel]: owner, 'anthill.session': spec.id };
    const { image, runtime } = options;
    const plan = containerOptions({
      ...parts,
      spec,
      image,
      runtime,
      uid,
      isOwnUser,
      place: directory,
      labels,
    });
    const id = await parts.engine.start(plan).catch(async (cause: unknown) => {
      await place.discard();
      throw notStarted(cause);
    });
    return await connect(parts.engine, { id, place }, signal);
  }

  const provision: Provision = async (spec, signal) =>
    await start(
      spec.door === null || (await doorProblem()) === null ? spec : { ...spec, door: null },
      signal,
    );

  return {
    provision,
    async capabilities() {
      try {
        return await capabilities(options, (await prepared()).facts, await doorProblem());
      } catch (cause) {
        return { ...known, ...none, unavailable: `tools cannot be isolated here: ${messageOf(cause)}` };
      }
    },
    async sweep() {
      const parts = await engine();
      const left = await parts.list(`${ownerLabel}=${owner}`).catch((cause: unknown) => {
        throw new Error(`no container engine answers on ${options.socket}: ${messageOf(cause)}`);
      });
      await Promise.all(left.map((id) => parts.remove(id)));
      await rm(runDir, { recursive: true, force: true });
      return left.length;
    },
  };
}

/** Tries again after a failure. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => {
    made ??= make().catch((cause) => {
      made = null;
      throw cause;
    });
    return made;
  };
}

async function prepare({ dataDir, image }: ContainerOptions, engine: Engine): Promise<Prepared> {
  const bin = join(dataDir, 'bin');
  await mkdir(join(dataDir, 'run'), { recursive: true, mode: 0o700 });
  const [supervisor, facts, etc] = await Promise.all([
    buildSupervisor(bin),
    engine.about(),
    writeEtc(dataDir),
    engine.pull(image).catch((cause: unknown) => {
      throw new Error(`the image ${image} is not on this machine and cannot be fetched: ${messageOf(cause)}`);
    }),
  ]);
  const program = seccompProgram(process.arch);
  if (program === null)
    throw new Error(`no system call filter is known for ${process.arch}, so nothing can be isolated here`);
  const seccomp = join(bin, 'seccomp.bpf');
  await writeFile(seccomp, program);
  // Root of the container has no right to read what is not its own.
  await Promise.all([chmod(seccomp, 0o644), chmod(supervisor, 0o755)]);
  return { engine, facts, supervisor, seccomp, etc };
}

async function writeEtc(dataDir: string): Promise<string> {
  const etc = join(dataDir, 'etc-of-containers');
  await mkdir(etc, { recursive: true });
  for (const [name, text] of [
    ['hosts', '127.0.0.1 localhost sandbox\n::1 localhost\n'],
    // Answered by the forwarder, whatever server is asked.
    ['resolv.conf', 'nameserver 127.0.0.53\n'],
  ] as const) {
    await writeFile(join(etc, name), text);
    await chmod(join(etc, name), 0o644);
  }
  return etc;
}

/**
 * Who owns the workspace: a user of the session's own where the server may give files away; otherwise whoever the server's
 * user is in the container.
 */
function userOf(ownUid: number, { isRootless }: EngineFacts, { id }: SandboxSpec): number {
  if (isRootless) return 0;
  return ownUid === 0 ? sessionUid(id) : ownUid;
}

type Started = { readonly id: string; readonly place: Place };

async function connect(engine: Engine, { id, place }: Started, signal: AbortSignal): Promise<Sandbox> {
  const leave = () =>
    engine
      .remove(id)
      // The next sweep takes what cannot be removed now.
      .catch(() => undefined)
      .then(() => place.discard().catch(() => undefined));
  const connection = await firstCall(engine, { id, place }, signal).catch(async (cause: unknown) => {
    await leave();
    throw cause;
  });
  let isKilled = false;
  const ended = new Promise<void>((resolve) => connection.once('close', () => resolve())).then(async () => {
    const complaint = isKilled ? '' : await engine.complaint(id).catch(() => '');
    await leave();
    return complaint;
  });
  connection.on('error', () => connection.destroy());
  return await connectSandbox(
    {
      connection,
      ended,
      kill() {
        isKilled = true;
        connection.destroy();
        // It ends without this, unless it hangs.
        engine.kill(id).catch(() => undefined);
      },
    },
    signal,
  );
}

/** Rejects with what the first process said when it ends before it calls. */
async function firstCall(engine: Engine, { id, place }: Started, signal: AbortSignal): Promise<Socket> {
  const waiting = new AbortController();
  try {
    const ended = engine.wait(id, waiting.signal).then(async () => {
      if (waiting.signal.aborted) return await new Promise<never>(() => {});
      throw notStarted(await engine.complaint(id).catch(messageOf));
    });
    return await Promise.race([place.call(signal), ended]);
  } finally {
    waiting.abort();
  }
}

function notStarted(cause: unknown): Error {
  return new Error(`the sandbox did not start: ${messageOf(cause) || 'it ended at once'}`, { cause });
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** What kernels, engines and runtimes allow is only known by trying. */
async function findDoorProblem(runDir: string, start: Provision): Promise<string | null> {
  const probe = join(runDir, '..', `probe-${randomUUID().slice(0, 8)}`);
  const workspace = join(probe, 'workspace');
  await mkdir(workspace, { recursive: true, mode: 0o700 });
  const door = join(probe, 'door');
  await writeFile(door, '');
  const tryOne = async (spec: SandboxSpec) =>
    await (await start(spec, AbortSignal.timeout(probeMsMax))).destroy();
  try {
    await tryOne({ ...probeSpec(workspace), door });
    return null;
  } catch (cause) {
    // Without a door it has to work.
    await tryOne(probeSpec(workspace));
    return messageOf(cause);
  } finally {
    await rm(probe, { recursive: true, force: true });
  }
}

const known = {
  provider: 'container',
  isolation: ['pid', 'mount', 'network', 'ipc', 'uts', 'seccomp', 'no capabilities'],
} as const;
const none = { limits: [], network: 'none' } as const;

function capabilities(
  { runtime }: ContainerOptions,
  facts: EngineFacts,
  doorProblem: string | null,
): SandboxCapabilities {
  const { boundsMemory, boundsProcesses, cgroupVersion, name, isRootless } = facts;
  const bounded = [...(boundsMemory ? ['memory'] : []), ...(boundsProcesses ? ['processes'] : [])];
  return {
    provider: `container (${name}${runtime === null ? '' : `, ${runtime}`})`,
    unavailable: null,
    isolation: [
      ...(isRootless ? ['user'] : []),
      ...known.isolation,
      ...(cgroupVersion === '2' ? ['cgroup'] : []),
    ],
    limits: [
      ...(bounded.length > 0 ? [`cgroup v${cgroupVersion}: ${bounded.join(', ')}`] : []),
      ...(bounded.length < 2 ? ['rlimits per process'] : []),
      ...['open files', 'file size', 'sized tmpfs'],
    ],
    network: doorProblem === null ? 'TCP, by the rules of each environment' : `none: ${doorProblem}`,
  };
}

import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Sandbox, SandboxCapabilities, SandboxProvider, SandboxSpec } from '../../domain/sandbox.ts';
import { systemUid } from '../images/users.ts';
import { buildSupervisor } from '../supervisor/build.ts';
import type { Launcher } from '../supervisor/launcher.ts';
import { createLauncher } from '../supervisor/launcher.ts';
import { probeSpec } from '../supervisor/probe.ts';
import { connectSandbox } from '../supervisor/sandbox.ts';
import { sessionUid, takePlaces } from '../supervisor/session-user.ts';
import type { Cgroups } from './cgroups.ts';
import { findCgroups } from './cgroups.ts';
import { etcMountPoints, launchArguments } from './launch.ts';
import { seccompProgram } from './seccomp.ts';

export type BubblewrapOptions = {
  readonly bubblewrap: string;
  readonly dataDir: string;
  readonly isRoot: boolean;
};

type Prepared = {
  readonly supervisor: string;
  readonly launcher: Launcher;
  readonly seccomp: string;
  readonly etc: string;
  readonly cgroups: Cgroups | null;
  /** Why sandboxes can have no network here; null: they can. */
  readonly doorProblem: string | null;
};

/** Sandboxes by bubblewrap over the machine's own system directories. */
export function createBubblewrapProvider(options: BubblewrapOptions): SandboxProvider {
  const runDir = join(options.dataDir, 'run');
  let preparing: Promise<Prepared> | null = null;

  function prepared(): Promise<Prepared> {
    preparing ??= prepare(options).catch((cause) => {
      preparing = null;
      throw cause;
    });
    return preparing;
  }

  async function provision(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> {
    const parts = await prepared();
    const name = `${spec.id}-${Math.random().toString(36).slice(2, 8)}`;
    const cgroupFiles = (await parts.cgroups?.create(name, spec.limits)) ?? [];
    const uid = options.isRoot ? uidOf(spec) : null;
    if (uid !== null) takePlaces(spec, uid);
    const args = launchArguments({
      supervisor: parts.supervisor,
      seccomp: parts.seccomp,
      bubblewrap: options.bubblewrap,
      etc: parts.etc,
      spec: parts.doorProblem === null ? spec : { ...spec, door: null },
      dropTo: uid === null ? null : { uid, stage: '/mnt' },
      cgroupFiles,
      boundEachProcess: parts.cgroups === null,
    });
    const pidFile = join(runDir, `${name}.pid`);
    const launched = await parts.launcher.launch(args).catch(async (cause: unknown) => {
      await leave(pidFile, parts.cgroups, name);
      throw cause;
    });
    const left = launched.ended.then(() => leave(pidFile, parts.cgroups, name).catch(() => undefined));
    const identity = `${launched.pid} ${await startTime(launched.pid)}`;
    await writeFile(pidFile, identity).catch(() => undefined);
    const sandbox = await connectSandbox(launched, signal);
    return {
      ...sandbox,
      async destroy() {
        await sandbox.destroy();
        await left;
      },
    };
  }

  return {
    provision,
    capabilities: () => capabilities(options, prepared, provision),
    sweep: () => sweep(runDir),
  };
}

/** What cannot be removed yet keeps its pid file: the next sweep takes both. */
async function leave(pidFile: string, cgroups: Cgroups | null, name: string): Promise<void> {
  if ((await cgroups?.remove(name)) !== false) await rm(pidFile, { force: true });
}

function uidOf({ id, system }: SandboxSpec): number {
  return system?.isBuilt ? systemUid : sessionUid(id);
}

async function prepare({ dataDir }: BubblewrapOptions): Promise<Prepared> {
  const bin = join(dataDir, 'bin');
  await mkdir(join(dataDir, 'run'), { recursive: true, mode: 0o700 });
  const [supervisor, cgroups, etc] = await Promise.all([
    buildSupervisor(bin),
    findCgroups(),
    writeEtc(dataDir),
  ]);
  const program = seccompProgram(process.arch);
  if (program === null)
    throw new Error(`no system call filter is known for ${process.arch}, so nothing can be isolated here`);
  const seccomp = join(bin, 'seccomp.bpf');
  await writeFile(seccomp, program);
  const launcher = createLauncher(supervisor, join(dataDir, 'run'));
  return { supervisor, launcher, seccomp, etc, cgroups, doorProblem: await findDoorProblem(launcher) };
}

/** Makes a network and leaves it again: what kernels and their guards allow is only known by trying. */
async function findDoorProblem(launcher: Launcher): Promise<string | null> {
  try {
    const tried = await launcher.launch(['--door', '/', '--', '/bin/true']);
    return (await tried.ended) || null;
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
}

const etcFiles = {
  passwd: 'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n',
  group: 'root:x:0:\nnogroup:x:65534:\n',
  hosts: '127.0.0.1 localhost sandbox\n::1 localhost\n',
  hostname: 'sandbox\n',
  'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
  // Answered by the forwarder, whatever server is asked.
  'resolv.conf': 'nameserver 127.0.0.53\n',
} as const;

async function writeEtc(dataDir: string): Promise<string> {
  const etc = join(dataDir, 'etc');
  await mkdir(etc, { recursive: true, mode: 0o755 });
  for (const [name, text] of Object.entries(etcFiles)) await writeFile(join(etc, name), text);
  for (const path of etcMountPoints()) {
    const target = join(etc, path.slice('/etc/'.length));
    if (existsSync(target)) continue;
    await mkdir(dirname(target), { recursive: true });
    if (path.endsWith('certs') || path.endsWith('certificates') || path.endsWith('alternatives'))
      await mkdir(target);
    else await writeFile(target, '');
  }
  return etc;
}

/** Field 22 of /proc/PID/stat: with the pid it names a process for good. */
async function startTime(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

/** Sandboxes die with their server; what a broken kernel or a debugger kept alive is ended here. */
async function sweep(runDir: string): Promise<number> {
  let ended = 0;
  const left = (await readdir(runDir).catch(() => [])).filter((name) => name.endsWith('.pid'));
  const cgroups = left.length === 0 ? null : await findCgroups();
  for (const name of left) {
    const path = join(runDir, name);
    const [pid = '', started = ''] = (await readFile(path, 'utf8').catch(() => '')).split(' ');
    if (started !== '' && (await startTime(Number(pid))) === started) {
      process.kill(Number(pid), 'SIGKILL');
      ended += 1;
    }
    await leave(path, cgroups, name.replace(/\.pid$/, ''));
  }
  return ended;
}

async function capabilities(
  options: BubblewrapOptions,
  prepared: () => Promise<Prepared>,
  provision: SandboxProvider['provision'],
): Promise<SandboxCapabilities> {
  const known = {
    provider: 'bubblewrap',
    isolation: ['user', 'pid', 'mount', 'network', 'ipc', 'uts', 'cgroup', 'seccomp', 'no capabilities'],
  };
  const probe = join(options.dataDir, 'run', 'probe');
  try {
    const { cgroups, doorProblem } = await prepared();
    await mkdir(probe, { recursive: true });
    const sandbox = await provision(probeSpec(probe), AbortSignal.timeout(10_000));
    await sandbox.destroy();
    const limits = [cgroups?.description ?? 'rlimits per process', 'open files', 'file size', 'sized tmpfs'];
    const network = doorProblem === null ? 'TCP, by the rules of each environment' : `none: ${doorProblem}`;
    return { ...known, unavailable: null, limits, network };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return { ...known, unavailable: `tools cannot be isolated here: ${reason}`, limits: [], network: 'none' };
  } finally {
    await rm(probe, { recursive: true, force: true });
  }
}

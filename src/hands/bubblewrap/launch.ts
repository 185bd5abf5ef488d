import { existsSync, lstatSync, readlinkSync } from 'node:fs';
import { systemPath } from '../../domain/packages.ts';
import type { SandboxSpec } from '../../domain/sandbox.ts';
import { supervisorPath } from '../supervisor/sandbox.ts';
import { builderCapabilities, imageArguments } from './image-arguments.ts';

/**
 * The whole launch of a sandbox, as the arguments of one request to the launcher:
 *
 *   server ─▶ launcher, fork: as root own mount namespace, cgroup, limits, drop to the session's uid ─┐
 *                             else limits ────────────────────────────────────────────────────────────┤
 *                                                                                                     ▼
 *   bwrap: new user, pid, net, ipc, uts, cgroup namespaces; read-only system; all capabilities dropped;
 *          seccomp; empty environment ─▶ /run/anthill/init as PID 1
 *
 * There is no network device but a loopback of its own. Nothing leaves the sandbox, but through its door where it
 * has one: then the launcher makes its network namespace, in which a forwarder takes all connections (door.c).
 */
export type LaunchPlan = {
  readonly supervisor: string;
  /** The system call filter's program. */
  readonly seccomp: string;
  readonly bubblewrap: string;
  /** Directory with the synthesised `/etc`. */
  readonly etc: string;
  readonly spec: SandboxSpec;
  /** Set when the server is root. */
  readonly dropTo: { readonly uid: number; readonly stage: string } | null;
  /** Files to write the launcher's pid to. */
  readonly cgroupFiles: readonly string[];
  /** No cgroup bounds memory: bound each process instead. */
  readonly boundEachProcess: boolean;
};

/** Descriptor on which the launcher passes the seccomp program. */
const seccompDescriptor = 3;
const mebibyte = 1024 * 1024;

export function launchArguments(plan: LaunchPlan): string[] {
  const { spec, dropTo } = plan;
  const reach = dropTo ? stagedPaths(plan, dropTo.stage) : (host: string) => host;
  const system = systemArguments(plan, reach);
  return [
    ...['--seccomp-program', plan.seccomp],
    ...plan.cgroupFiles.flatMap((file) => ['--cgroup', file]),
    ...(dropTo ? stageArguments(plan, dropTo.stage, reach) : []),
    ...system.beforehand,
    ...(dropTo ? [system.isBuilt ? '--system-uid' : '--uid', String(dropTo.uid)] : []),
    ...['--file-bytes', String(spec.limits.fileBytesMax)],
    ...['--open-files', String(spec.limits.openFilesMax)],
    ...(spec.door === null ? [] : ['--door', spec.door]),
    ...(plan.boundEachProcess ? ['--data-bytes', String(spec.limits.memoryBytesMax)] : []),
    '--',
    plan.bubblewrap,
    ...isolation,
    ...(system.isBuilt ? [] : asNobodyElse),
    ...(spec.door === null ? ['--unshare-net'] : []),
    ...system.binds,
    ...fileSystems,
    ...spec.mounts.flatMap(({ host, sandbox, readOnly }) => [
      readOnly ? '--ro-bind' : '--bind',
      reach(host),
      sandbox,
    ]),
    ...['--ro-bind', reach(plan.supervisor), supervisorPath],
    ...(system.isBuilt ? [] : ['--remount-ro', '/']),
    ...['--cap-drop', 'ALL', ...(system.isBuilt ? builderCapabilities : [])],
    ...['--seccomp', String(seccompDescriptor)],
    ...environment(spec),
    ...['--chdir', '/workspace', '--', supervisorPath],
  ];
}

const isolation = [
  '--unshare-pid',
  '--unshare-ipc',
  '--unshare-uts',
  '--unshare-cgroup',
  ...['--hostname', 'sandbox'],
  '--die-with-parent',
  '--new-session',
  '--as-pid-1',
];

/** The one user of its own user namespace, who looks like root. */
const asNobodyElse = ['--unshare-user', '--disable-userns', '--uid', '0', '--gid', '0'];

const fileSystems = [
  ...['--proc', '/proc', '--dev', '/dev'],
  ...['--perms', '1777', '--size', String(64 * mebibyte), '--tmpfs', '/dev/shm'],
  ...['--size', String(16 * mebibyte), '--tmpfs', '/run'],
  // A session's own directories are bound over these two.
  ...['--perms', '1777', '--size', String(512 * mebibyte), '--tmpfs', '/tmp'],
  ...['--size', String(256 * mebibyte), '--tmpfs', '/root'],
  ...['--dir', '/var/tmp', '--dir', '/home', '--dir', '/mnt', '--dir', '/sys'],
];

type SystemArguments = {
  /** For the launcher. */
  readonly beforehand: readonly string[];
  readonly binds: readonly string[];
  readonly isBuilt: boolean;
};

function systemArguments(plan: LaunchPlan, reach: (host: string) => string): SystemArguments {
  const { system } = plan.spec;
  if (system) return imageArguments(system, reach(plan.etc), { reach, stage: plan.dropTo?.stage ?? null });
  return {
    beforehand: [],
    binds: [...systemDirectories(), ...etcArguments(reach(plan.etc))],
    isBuilt: false,
  };
}

/** `/usr` and the directories that belong to it, read-only; on merged systems the latter are links. */
function systemDirectories(): string[] {
  const args = ['--ro-bind', '/usr', '/usr'];
  for (const path of ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32']) {
    if (!existsSync(path)) continue;
    if (lstatSync(path).isSymbolicLink()) args.push('--symlink', readlinkSync(path), path);
    else args.push('--ro-bind', path, path);
  }
  return args;
}

/** What programs need of the host's `/etc` and nothing that tells about the host. */
const sharedEtc = [
  '/etc/ld.so.cache',
  '/etc/ssl/certs',
  '/etc/ca-certificates',
  '/etc/alternatives',
  '/etc/localtime',
];

function etcArguments(etc: string): string[] {
  const shared = sharedEtc.filter((path) => existsSync(path));
  return [...['--ro-bind', etc, '/etc'], ...shared.flatMap((path) => ['--ro-bind', path, path])];
}

/** Mount points that must exist in the synthesised `/etc`, because it is bound read-only. */
export function etcMountPoints(): readonly string[] {
  return sharedEtc.filter((path) => existsSync(path));
}

function environment(spec: SandboxSpec): string[] {
  const variables = {
    PATH: systemPath,
    HOME: '/root',
    USER: 'root',
    LANG: 'C.UTF-8',
    TERM: 'dumb',
    ...spec.environment,
    ANTHILL_PROCESSES_MAX: String(spec.limits.processesMax),
  };
  return ['--clearenv', ...Object.entries(variables).flatMap(([name, value]) => ['--setenv', name, value])];
}

/** Host paths as the dropped user sees them: below the stage, where only this session's paths are bound. */
function stagedPaths(plan: LaunchPlan, stage: string): (host: string) => string {
  const hosts = stagedHosts(plan);
  return (host) => `${stage}/${hosts.indexOf(host)}`;
}

function stagedHosts({ supervisor, etc, spec }: LaunchPlan): readonly string[] {
  const { system, mounts } = spec;
  const parts = system ? [system.image, ...(system.layer === null ? [] : [system.layer])] : [];
  return [...new Set([supervisor, etc, ...parts, ...mounts.map((mount) => mount.host)])];
}

function stageArguments(plan: LaunchPlan, stage: string, reach: (host: string) => string): string[] {
  return ['--stage', stage, ...stagedHosts(plan).flatMap((host) => ['--bind', host, reach(host)])];
}

import { join } from 'node:path';
import type { ContainerCreateOptions, MountSettings } from 'dockerode';
import type { SandboxSpec } from '../../domain/sandbox.ts';
import { supervisorPath } from '../supervisor/sandbox.ts';
import type { EngineFacts } from './engine.ts';
import { placeNames } from './place.ts';

/**
 * A sandbox as a container:
 *
 *   engine: pid, mount, network, ipc, uts, cgroup namespaces; the image, read-only; limits; its own system call filter
 *      └─▶ /run/anthill/init enter: as root of the container with five capabilities, see container.c
 *             ├─ calls the server on a socket that is bound into the container
 *             ├─ leads every connection to a forwarder, which has the session's door
 *             └─ gives up everything, becomes the session's user under our filter ─▶ the supervisor of every sandbox
 */
export type ContainerPlan = {
  readonly spec: SandboxSpec;
  readonly image: string;
  readonly runtime: string | null;
  /** Of the session's user in the container. */
  readonly uid: number;
  /** Nobody else on this machine is that user, so that their processes can be counted. */
  readonly isOwnUser: boolean;
  readonly supervisor: string;
  readonly seccomp: string;
  /** Directory of the place. */
  readonly place: string;
  /** Directory with what is the same for all: hosts and resolv.conf. */
  readonly etc: string;
  readonly facts: EngineFacts;
  readonly labels: Readonly<Record<string, string>>;
};

const inside = {
  place: '/run/anthill/server',
  seccomp: '/run/anthill/seccomp.bpf',
} as const;
const mebibyte = 1024 * 1024;
/** What the forwarder may have open. */
const openFilesMin = 2_048;

export function containerOptions(plan: ContainerPlan): ContainerCreateOptions {
  const { spec, facts } = plan;
  const { memoryBytesMax, processesMax, openFilesMax } = spec.limits;
  // The supervisor and the forwarder count as well.
  const processes = processesMax + 2;
  const openFiles = Math.max(openFilesMax, openFilesMin);
  return {
    Image: plan.image,
    Entrypoint: [supervisorPath, 'enter'],
    Cmd: enterArguments(plan),
    Env: environment(plan),
    User: '0:0',
    WorkingDir: '/workspace',
    Hostname: 'sandbox',
    Healthcheck: { Test: ['NONE'] },
    StopTimeout: 1,
    Labels: { ...plan.labels },
    HostConfig: {
      NetworkMode: 'none',
      IpcMode: 'private',
      ...(facts.cgroupVersion === '2' ? { CgroupnsMode: 'private' as const } : {}),
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      CapAdd: ['NET_ADMIN', 'NET_BIND_SERVICE', 'SETGID', 'SETPCAP', 'SETUID'],
      SecurityOpt: ['no-new-privileges'],
      Mounts: mounts(plan),
      Tmpfs: temporary(spec),
      ShmSize: 64 * mebibyte,
      Ulimits: [
        { Name: 'nofile', Soft: openFiles, Hard: openFiles },
        { Name: 'core', Soft: 0, Hard: 0 },
        ...(plan.isOwnUser ? [{ Name: 'nproc', Soft: processes, Hard: processes }] : []),
      ],
      ...(facts.boundsMemory ? { Memory: memoryBytesMax, MemorySwap: memoryBytesMax } : {}),
      ...(facts.boundsProcesses ? { PidsLimit: processes } : {}),
      ...(plan.runtime === null ? {} : { Runtime: plan.runtime }),
    },
  };
}

function enterArguments({ spec, uid, facts }: ContainerPlan): string[] {
  const { fileBytesMax, openFilesMax, memoryBytesMax } = spec.limits;
  return [
    ...['--connect', join(inside.place, placeNames.socket)],
    ...['--uid', String(uid)],
    ...['--seccomp-program', inside.seccomp],
    ...['--file-bytes', String(fileBytesMax), '--open-files', String(openFilesMax)],
    ...(facts.boundsMemory ? [] : ['--data-bytes', String(memoryBytesMax)]),
    ...(spec.door === null ? [] : ['--door', join(inside.place, placeNames.door)]),
  ];
}

/** What the image says about its own programs, such as PATH, stays. */
function environment({ spec, uid, facts }: ContainerPlan): string[] {
  const variables = {
    HOME: '/root',
    USER: uid === 0 ? 'root' : 'agent',
    LANG: 'C.UTF-8',
    TERM: 'dumb',
    ...spec.environment,
    ...(facts.boundsProcesses ? {} : { ANTHILL_PROCESSES_MAX: String(spec.limits.processesMax) }),
  };
  return Object.entries(variables).map(([name, value]) => `${name}=${value}`);
}

function mounts({ spec, place, etc, supervisor, seccomp }: ContainerPlan): MountSettings[] {
  const readOnly = [
    [place, inside.place],
    [supervisor, supervisorPath],
    [seccomp, inside.seccomp],
    [join(place, placeNames.passwd), '/etc/passwd'],
    [join(place, placeNames.group), '/etc/group'],
    [join(etc, 'hosts'), '/etc/hosts'],
    [join(etc, 'resolv.conf'), '/etc/resolv.conf'],
  ] as const;
  return [
    ...readOnly.map(([host, sandbox]) => bind(host, sandbox, true)),
    ...spec.mounts.map((mount) => bind(mount.host, mount.sandbox, mount.readOnly)),
  ];
}

function bind(host: string, sandbox: string, isReadOnly: boolean): MountSettings {
  return { Type: 'bind', Source: host, Target: sandbox, ReadOnly: isReadOnly };
}

/** A session's own directories take the place of /tmp and /root. Nothing tells about the machine's devices. */
function temporary(spec: SandboxSpec): Record<string, string> {
  const sizes = {
    '/run': `rw,nosuid,nodev,mode=0755,size=${16 * mebibyte}`,
    '/sys': 'ro,nosuid,nodev,noexec,mode=0555,size=4096',
    '/tmp': `rw,nosuid,nodev,exec,mode=1777,size=${512 * mebibyte}`,
    '/root': `rw,nosuid,nodev,exec,mode=0777,size=${256 * mebibyte}`,
  };
  const bound = new Set(spec.mounts.map(({ sandbox }) => sandbox));
  return Object.fromEntries(Object.entries(sizes).filter(([path]) => !bound.has(path)));
}

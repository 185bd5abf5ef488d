import { constants, existsSync } from 'node:fs';
import { access, mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SandboxLimits } from '../../domain/sandbox.ts';

/** A control group per sandbox where the kernel lets us make one; rlimits stay as the other line of defence. */
export type Cgroups = {
  readonly description: string;
  /** Makes the group of a sandbox: the files its launcher must write its pid to. */
  create(name: string, limits: SandboxLimits): Promise<readonly string[]>;
  /** Ends what is left in the group, then the group; false when it is still in use. */
  remove(name: string): Promise<boolean>;
};

type Hierarchy = {
  readonly root: string;
  readonly settings: (limits: SandboxLimits) => Readonly<Record<string, string>>;
};

/** Version 1 hierarchies, version 2 when delegated to us; null when neither is writable. */
export async function findCgroups(mountPoint = '/sys/fs/cgroup'): Promise<Cgroups | null> {
  const unified = [{ root: join(mountPoint, 'anthill'), settings: unifiedSettings }];
  const isUnified = existsSync(join(mountPoint, 'cgroup.controllers'));
  const hierarchies = isUnified ? unified : legacy(mountPoint);
  for (const { root, settings } of hierarchies) {
    if (!(await canUse(root, Object.keys(settings(probeLimits))))) return null;
  }
  return {
    description: isUnified ? 'cgroup v2: memory, processes' : 'cgroup v1: memory, processes',
    async create(name, limits) {
      const files: string[] = [];
      for (const { root, settings } of hierarchies) {
        const group = join(root, name);
        await mkdir(group, { recursive: true });
        for (const [file, value] of Object.entries(settings(limits)))
          await writeFile(join(group, file), value);
        files.push(join(group, 'cgroup.procs'));
      }
      return files;
    },
    async remove(name) {
      const groups = hierarchies.map(({ root }) => join(root, name));
      return (await Promise.all(groups.map(removeGroup))).every(Boolean);
    },
  };
}

/** A group whose last process is still being reaped refuses for a moment. */
async function removeGroup(group: string): Promise<boolean> {
  for (let attempt = 0; attempt < removeAttemptsMax; attempt++) {
    if (attempt > 0) {
      await killMembers(group);
      await new Promise((resolve) => setTimeout(resolve, removePauseMs));
    }
    const gone = await rmdir(group).then(
      () => true,
      (cause: NodeJS.ErrnoException) => cause.code === 'ENOENT',
    );
    if (gone) return true;
  }
  return false;
}

async function killMembers(group: string): Promise<void> {
  const members = await readFile(join(group, 'cgroup.procs'), 'utf8').catch(() => '');
  for (const pid of members
    .split('\n')
    .map(Number)
    .filter((member) => member > 1)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself in the meantime.
    }
  }
}

const removeAttemptsMax = 5;
const removePauseMs = 20;

const probeLimits: SandboxLimits = { memoryBytesMax: 0, processesMax: 0, fileBytesMax: 0, openFilesMax: 0 };

function legacy(mountPoint: string): readonly Hierarchy[] {
  return [
    {
      root: join(mountPoint, 'memory', 'anthill'),
      settings: ({ memoryBytesMax }) => ({ 'memory.limit_in_bytes': String(memoryBytesMax) }),
    },
    {
      root: join(mountPoint, 'pids', 'anthill'),
      settings: ({ processesMax }) => ({ 'pids.max': String(processesMax) }),
    },
  ];
}

function unifiedSettings({ memoryBytesMax, processesMax }: SandboxLimits) {
  return { 'memory.max': String(memoryBytesMax), 'memory.swap.max': '0', 'pids.max': String(processesMax) };
}

/** Makes a probe group and looks whether the controllers we need are there and writable. */
async function canUse(root: string, files: readonly string[]): Promise<boolean> {
  const probe = join(root, 'probe');
  try {
    await mkdir(probe, { recursive: true });
    for (const file of files) await access(join(probe, file), constants.W_OK);
    return true;
  } catch {
    return false;
  } finally {
    await rmdir(probe).catch(() => undefined);
  }
}

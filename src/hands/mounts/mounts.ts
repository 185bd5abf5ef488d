import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../base/log.ts';
import { createQueues } from '../../base/queues.ts';
import type { SandboxRecipe } from '../../domain/hands.ts';
import { skillsPlace } from '../../domain/mounted-skills.ts';
import type { SandboxSpec } from '../../domain/sandbox.ts';
import type { MemoryMount, MemorySources } from './memory.ts';
import { createMemorySync } from './memory.ts';
import type { OutputSources } from './outputs.ts';
import { createOutputCapture } from './outputs.ts';
import type { SkillPlace, SkillSources } from './skills.ts';
import { createSkillBringer } from './skills.ts';

/**
 * What is brought into a session's sandbox besides its workspace, and what is taken out of it again. All of it lies
 * in directories of the host, bound at their places inside, so that it changes while the sandbox lives. One thing
 * after the other for each session. What fails is logged, and tried again the next time.
 */
export type Mounts = {
  /** The places, for a new sandbox. */
  prepare(recipe: SandboxRecipe): Promise<SandboxSpec['mounts']>;
  /** Before a call: what changed outside is there. Sentences for the agent about what it did before and was not kept. */
  bring(recipe: SandboxRecipe): Promise<readonly string[]>;
  /** After a call, and before rest: what the agent made is taken over. Sentences for the agent about what was not kept. */
  collect(recipe: SandboxRecipe): Promise<readonly string[]>;
  /** Resolves when nothing of a session is under way. */
  idle(sessionId: string): Promise<void>;
};

/** Of sessions that have nothing but their workspace and files. */
export const noMounts: Mounts = {
  prepare: async () => [],
  bring: async () => [],
  collect: async () => [],
  idle: async () => {},
};

export type MountsOptions = SkillSources &
  MemorySources &
  OutputSources & {
    /** Of all sessions. */
    readonly directory: string;
    readonly log: Log;
  };

export function createMounts({ directory, log, ...sources }: MountsOptions): Mounts {
  const queues = createQueues();
  const bringSkills = createSkillBringer(sources);
  const { places, syncMemories } = memoryPart({ directory, log, ...sources });
  const captureOutputs = createOutputCapture(sources);
  const trying = tryingWith(log);

  async function bringOne({ skills, ...recipe }: SandboxRecipe): Promise<readonly string[]> {
    if (skills.length === 0) return [];
    await bringSkills(skillPlace(directory, recipe), skills);
    return [];
  }

  return {
    async prepare(recipe) {
      const skills = skillPlace(directory, recipe);
      const mounts = [
        ...(recipe.skills.length === 0
          ? []
          : [{ host: skills.directory, sandbox: skills.place, readOnly: true }]),
        ...places(recipe),
      ];
      return await made(mounts);
    },
    bring: (recipe) =>
      queues.run(recipe.sessionId, async () => {
        await trying('skills.not_mounted', recipe.sessionId, () => bringOne(recipe));
        return await syncMemories(recipe);
      }),
    collect: (recipe) =>
      queues.run(recipe.sessionId, async () => [
        ...(await syncMemories(recipe)),
        ...(await trying('outputs.not_captured', recipe.sessionId, () =>
          captureOutputs(recipe.sessionId, join(directory, recipe.sessionId, 'outputs')),
        )),
      ]),
    idle: queues.idle,
  };
}

/** Of sessions that have memory stores, and whose other things somebody else brings. */
export function createMemoryMounts(options: MemoryOptions): Mounts {
  const queues = createQueues();
  const { places, syncMemories } = memoryPart(options);
  const sync = (recipe: SandboxRecipe) => queues.run(recipe.sessionId, () => syncMemories(recipe));
  return {
    prepare: (recipe) => made(places(recipe)),
    bring: sync,
    collect: sync,
    idle: queues.idle,
  };
}

type MemoryOptions = MemorySources & Pick<MountsOptions, 'directory' | 'log'>;

function memoryPart({ directory, log, ...sources }: MemoryOptions) {
  const syncMemory = createMemorySync(sources);
  const trying = tryingWith(log);
  return {
    places: (recipe: SandboxRecipe): SandboxSpec['mounts'] =>
      memoryMounts(directory, recipe).map(({ root, place, isReadOnly }) => ({
        host: root,
        sandbox: place,
        readOnly: isReadOnly,
      })),
    async syncMemories(recipe: SandboxRecipe): Promise<readonly string[]> {
      const notes: string[] = [];
      for (const mount of memoryMounts(directory, recipe)) {
        notes.push(...(await trying('memory.not_synced', recipe.sessionId, () => syncMemory(mount))));
      }
      return notes;
    },
  };
}

async function made(mounts: SandboxSpec['mounts']): Promise<SandboxSpec['mounts']> {
  await Promise.all(mounts.map(({ host }) => mkdir(host, { recursive: true, mode: 0o700 })));
  return mounts;
}

/** Runs work and returns what it has to say. */
function tryingWith(log: Log) {
  return (what: string, sessionId: string, work: () => Promise<readonly string[]>) =>
    work().catch((cause: unknown): readonly string[] => {
      log.warn(what, { sessionId, cause });
      return [];
    });
}

type Placed = Pick<SandboxRecipe, 'sessionId' | 'resources'>;

function skillPlace(directory: string, { sessionId, resources }: Placed): SkillPlace {
  return { directory: join(directory, sessionId, 'skills'), place: skillsPlace(resources) };
}

function memoryMounts(directory: string, { sessionId, resources }: Placed): readonly MemoryMount[] {
  return resources.flatMap((resource) => {
    if (resource.type !== 'memory_store' || !resource.mount_path) return [];
    const root = join(directory, sessionId, 'memory', resource.memory_store_id);
    const isReadOnly = resource.access === 'read_only';
    const { memory_store_id: storeId, mount_path: place } = resource;
    return [{ sessionId, storeId, place, isReadOnly, root, record: `${root}.json` }];
  });
}

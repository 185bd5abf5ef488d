import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../base/log.ts';
import { createQueues } from '../../base/queues.ts';
import type { SandboxRecipe } from '../../domain/hands.ts';
import { skillsPlace } from '../../domain/mounted-skills.ts';
import type { SandboxSpec } from '../../domain/sandbox.ts';
import type { SkillSources } from './skills.ts';
import { createSkillBringer } from './skills.ts';

/**
 * What is brought into a session's sandbox besides its workspace, and what is taken out of it again. All of it lies
 * in directories of the host, bound at their places inside, so that it changes while the sandbox lives.
 */
export type Mounts = {
  /** The places, for a new sandbox. */
  prepare(recipe: SandboxRecipe): Promise<SandboxSpec['mounts']>;
  /** Before a call: what changed outside is there. What cannot be brought is logged, and tried again the next time. */
  bring(recipe: SandboxRecipe): Promise<void>;
};

/** Of sessions that have nothing but their workspace and files. */
export const noMounts: Mounts = { prepare: async () => [], bring: async () => {} };

export type MountsOptions = SkillSources & {
  /** Of all sessions. */
  readonly directory: string;
  readonly log: Log;
};

export function createMounts({ directory, log, ...sources }: MountsOptions): Mounts {
  const queues = createQueues();
  const bringSkills = createSkillBringer(sources);
  const skillsOf = ({ sessionId, resources }: SandboxRecipe) => ({
    directory: join(directory, sessionId, 'skills'),
    place: skillsPlace(resources),
  });

  return {
    async prepare(recipe) {
      if (recipe.skills.length === 0) return [];
      const { directory: host, place } = skillsOf(recipe);
      await mkdir(host, { recursive: true, mode: 0o700 });
      return [{ host, sandbox: place, readOnly: true }];
    },
    bring: (recipe) =>
      queues.run(recipe.sessionId, async () => {
        const { sessionId, skills } = recipe;
        if (skills.length === 0) return;
        await bringSkills(skillsOf(recipe), skills).catch((cause: unknown) =>
          log.warn('skills.not_mounted', { sessionId, cause }),
        );
      }),
  };
}

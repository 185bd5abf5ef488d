import type { SandboxRecipe } from '../domain/hands.ts';
import type { Mounts } from './mounts/mounts.ts';

/** What sandboxes may have written behind a call's back, taken over before their sessions are idle. */
export type Settling = {
  /** A call was made: it may have left processes behind, which go on writing. */
  touch(sessionId: string): void;
  /** `isLive`: the sandbox is still there, and may write again. */
  settle(recipe: SandboxRecipe, isLive: boolean): Promise<void>;
  forget(sessionId: string): void;
};

export function createSettling(mounts: Pick<Mounts, 'collect'>): Settling {
  const touched = new Set<string>();
  return {
    touch: (sessionId) => void touched.add(sessionId),
    async settle(recipe, isLive) {
      // Where no call was made nobody has written anything: most turns end without a look at the disk.
      if (!touched.has(recipe.sessionId)) return;
      await mounts.collect(recipe);
      if (!isLive) touched.delete(recipe.sessionId);
    },
    forget: (sessionId) => void touched.delete(sessionId),
  };
}

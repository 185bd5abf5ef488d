import type { SandboxRecipe } from '../domain/hands.ts';
import type { Mounts } from './mounts/mounts.ts';
import type { Snapshots } from './snapshots.ts';

/** What sandboxes may have written behind a call's back, taken over before their sessions are idle and when they end. */
export type Settling = {
  /** A call was made: it may have left processes behind, which go on writing. */
  touch(sessionId: string): void;
  /** `isLive`: the sandbox is still there, and may write again. */
  settle(recipe: SandboxRecipe, isLive: boolean): Promise<void>;
  /** The session is idle: its files are kept as they are now. */
  rest(sessionId: string): void;
  /** The sandbox is gone: what ran in the background until then may have made something. Never rejects. */
  end(recipe: SandboxRecipe): Promise<void>;
  forget(sessionId: string): void;
};

export function createSettling(
  mounts: Pick<Mounts, 'collect'>,
  snapshots: Pick<Snapshots, 'save'>,
): Settling {
  const touched = new Set<string>();
  /** Sessions whose files changed since their last snapshot, or perhaps did. */
  const changed = new Map<string, 'surely' | 'perhaps'>();
  return {
    touch(sessionId) {
      touched.add(sessionId);
      changed.set(sessionId, 'surely');
    },
    async settle(recipe, isLive) {
      // Where no call was made nobody has written anything: most turns end without a look at the disk.
      if (!touched.has(recipe.sessionId)) return;
      await mounts.collect(recipe);
      if (!isLive) touched.delete(recipe.sessionId);
    },
    rest(sessionId) {
      if (changed.get(sessionId) !== 'surely') return;
      changed.set(sessionId, 'perhaps');
      void snapshots.save(sessionId);
    },
    async end(recipe) {
      await mounts.collect(recipe).catch(() => undefined);
      if (changed.delete(recipe.sessionId)) await snapshots.save(recipe.sessionId);
    },
    forget(sessionId) {
      touched.delete(sessionId);
      changed.delete(sessionId);
    },
  };
}

import { foldCacheItemsMax } from '../domain/limits.ts';
import type { SessionState } from '../domain/session/state.ts';

/**
 * Folds kept in memory, least recently used first out, bounded by what they hold: the items of their conversations,
 * however long the logs behind them.
 */
export type FoldCache = {
  get(id: string): SessionState | undefined;
  set(state: SessionState): void;
  drop(id: string): void;
};

export function createFoldCache(itemsMax: number = foldCacheItemsMax): FoldCache {
  const folds = new Map<string, SessionState>();
  let items = 0;

  function drop(id: string): void {
    const known = folds.get(id);
    if (!known) return;
    folds.delete(id);
    items -= itemsOf(known);
  }

  return {
    get(id) {
      const known = folds.get(id);
      if (known) {
        folds.delete(id);
        folds.set(id, known);
      }
      return known;
    },
    set(state) {
      const known = folds.get(state.id);
      if (known && known.seq >= state.seq) return;
      drop(state.id);
      folds.set(state.id, state);
      items += itemsOf(state);
      for (const id of folds.keys()) {
        if (items <= itemsMax || folds.size === 1) break;
        drop(id);
      }
    },
    drop,
  };
}

/** With one for all that every fold has. */
function itemsOf({ conversation, queue }: SessionState): number {
  return 1 + conversation.length + queue.length;
}

import { foldCacheRecordsMax } from '../domain/limits.ts';
import type { SessionState } from '../domain/session/state.ts';

/** Folds kept in memory, least recently used first out, bounded by the records folded into them. */
export type FoldCache = {
  get(id: string): SessionState | undefined;
  set(state: SessionState): void;
  drop(id: string): void;
};

export function createFoldCache(recordsMax: number = foldCacheRecordsMax): FoldCache {
  const folds = new Map<string, SessionState>();
  let records = 0;

  function drop(id: string): void {
    const known = folds.get(id);
    if (!known) return;
    folds.delete(id);
    records -= known.seq;
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
      records += state.seq;
      for (const id of folds.keys()) {
        if (records <= recordsMax || folds.size === 1) break;
        drop(id);
      }
    },
    drop,
  };
}

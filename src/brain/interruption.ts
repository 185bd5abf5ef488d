import type { SessionState } from '../domain/session/state.ts';
import { hasQueued } from '../domain/session/state.ts';

/**
 * What aborts the work of a turn. An interrupt comes at any moment: also between a decision and the work that this
 * decision begins. So notices and decisions are told apart by how far the log went for each.
 */
export type Interruption = {
  /** Of the work that begins now. */
  signal(): AbortSignal;
  /** A client's commit led to this state. */
  heard(state: SessionState): void;
  /** The turn decided on this state, and what it decided begins now. */
  decided(state: SessionState): void;
  /** Nothing begins any more. */
  end(reason: string): void;
};

export function createInterruption(): Interruption {
  let aborts = new AbortController();
  let heardSeq = 0;
  let decidedSeq = 0;
  let isOver = false;
  return {
    signal: () => aborts.signal,
    heard(state) {
      // What the turn has decided on already needs no notice.
      if (!hasQueued(state, 'user.interrupt') || state.seq <= decidedSeq) return;
      heardSeq = state.seq;
      aborts.abort();
    },
    decided(state) {
      decidedSeq = state.seq;
      if (hasQueued(state, 'user.interrupt')) aborts.abort();
      // The same brain goes on with the messages that queued behind it; not so while the decision knows nothing of it.
      else if (aborts.signal.aborted && !isOver && heardSeq <= state.seq) aborts = new AbortController();
    },
    end(reason) {
      isOver = true;
      aborts.abort(reason);
    },
  };
}

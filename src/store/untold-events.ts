import type { Clock } from '../base/clock.ts';
import { hintLateMsMax } from '../domain/limits.ts';
import type { MissedEvents } from './missed-events.ts';

/** Client events that are in the log although nobody told this server of them yet, or ever will. */
export type UntoldEvents = {
  /** Resolves once all of these are noted: told soon, or else as missed. */
  settle(sessionId: string, seqs: readonly number[]): Promise<void>;
  /** Some of the session were noted. */
  told(sessionId: string): void;
};

type Waiting = { readonly sessionId: string; readonly look: () => void };

export function createUntold(missed: MissedEvents, clock: Clock): UntoldEvents {
  const waiting = new Set<Waiting>();

  /** Only who tells it knows whether a stream there showed it. */
  async function wait(sessionId: string, isOver: () => boolean): Promise<void> {
    const over = new AbortController();
    const one = { sessionId, look: () => isOver() && over.abort() };
    waiting.add(one);
    await clock.sleep(hintLateMsMax, over.signal).catch(() => undefined);
    waiting.delete(one);
  }

  return {
    async settle(sessionId, seqs) {
      const untold = () => seqs.filter((seq) => !missed.knows(sessionId, seq));
      if (untold().length > 0) await wait(sessionId, () => untold().length === 0);
      for (const seq of untold()) missed.note(sessionId, { from: seq, to: seq }, false);
    },
    told(sessionId) {
      for (const one of waiting) if (one.sessionId === sessionId) one.look();
    },
  };
}

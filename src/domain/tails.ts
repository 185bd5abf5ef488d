import type { SessionId } from '../base/ids.ts';
import type { PreviewEvent } from '../protocol/events.ts';
import type { LogRecord } from './session/entry.ts';
import type { Commit } from './session/session-log.ts';

export type TailItem =
  | { readonly type: 'records'; readonly records: readonly LogRecord[] }
  | { readonly type: 'preview'; readonly preview: PreviewEvent }
  /** The log goes at least this far; what the reader does not have of it, it reads. */
  | { readonly type: 'grown'; readonly seq: number }
  /** The reader was too slow and missed something; it must be cut off. */
  | { readonly type: 'overflow' };

/** A live reader of one session. Iteration ends when `close` is called or the session is gone. */
export interface Tail extends AsyncIterable<TailItem> {
  close(): void;
}

/**
 * Live readers. The log is the truth; a tail only saves reading it.
 * `attach` first, then read the log up to what you need: nothing can fall between.
 */
export interface Tails {
  attach(id: SessionId): Tail;
  publish(commit: Pick<Commit, 'sessionId' | 'records'>): void;
  /** Sessions that have readers here. */
  watched(): readonly SessionId[];
  isWatched(id: SessionId): boolean;
  /** For what no commit here brings: the log goes as far as this; `null`: the session is gone. */
  grown(id: SessionId, seq: number | null): void;
  preview(id: SessionId, preview: PreviewEvent): void;
  /**
   * Previews so far of a reply that is not in the log yet, best effort, texts joined. Asked in the same
   * moment as `attach`, the tail goes on exactly where they end.
   */
  underWay(id: SessionId): readonly PreviewEvent[];
  /**
   * Where a stream opened now should start, so that "send first, stream second" cannot miss a fast turn:
   * the `seq` before the oldest client event that was accepted in the last few seconds while nobody
   * listened; `null` when there is none.
   */
  missedSince(id: SessionId): number | null;
  /** How many tails are open. */
  readers(): number;
  /** A client's event came, at another server. */
  noteElsewhere(id: SessionId, seq: number): void;
  close(): void;
}

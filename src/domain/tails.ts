import type { EventId, SessionId } from '../base/ids.ts';
import type { PreviewEvent } from '../protocol/events.ts';
import type { LogRecord } from './session/entry.ts';
import type { Commit } from './session/session-log.ts';

/** Of the reply to one request. `isSoFar`: it was previewed at another server before this one began to follow. */
export type Preview = {
  readonly preview: PreviewEvent;
  readonly requestId: EventId;
  readonly isSoFar: boolean;
};

export type TailItem =
  | { readonly type: 'records'; readonly records: readonly LogRecord[] }
  | ({ readonly type: 'preview' } & Preview)
  /** The log goes at least this far; what the reader does not have of it, it reads. */
  | { readonly type: 'grown'; readonly seq: number }
  /** The reader was too slow and missed something; it must be cut off. */
  | { readonly type: 'overflow' };

/** Where client events of one commit are: `seq` of the first of them, and of the commit's last record. */
export type AcceptedAt = { readonly from: number; readonly to: number };

export type ReaderOptions = {
  /** Of any kind; a reader that does not say so gets those that others want. */
  readonly wantsPreviews?: boolean;
  /** It is not decided yet where it begins: until `begin` nothing counts as shown by it. */
  readonly isOpening?: boolean;
};

/** A live reader of one session. Iteration ends when `close` is called or the session is gone. */
export interface Tail extends AsyncIterable<TailItem> {
  begin(): void;
  close(): void;
}

/** Previews of a reply that is not in the log yet, best effort, texts joined. */
export type UnderWay = { readonly requestId: EventId; readonly previews: readonly PreviewEvent[] };

/**
 * Live readers. The log is the truth; a tail only saves reading it.
 * `attach` first, then read the log up to what you need: nothing can fall between.
 */
export interface Tails {
  attach(id: SessionId, reader?: ReaderOptions): Tail;
  publish(commit: Pick<Commit, 'sessionId' | 'records'>): void;
  /** Sessions that have readers here. */
  watched(): readonly SessionId[];
  isWatched(id: SessionId): boolean;
  /** For what no commit here brings: the log goes as far as this; `null`: the session is gone. */
  grown(id: SessionId, seq: number | null): void;
  preview(id: SessionId, preview: Preview): void;
  wantsPreviews(id: SessionId): boolean;
  /** Asked in the same moment as `attach`, the tail goes on exactly where they end. */
  underWay(id: SessionId): UnderWay | null;
  /** Forgets what is under way: the reply is in the log, or nobody goes on with it. */
  settle(id: SessionId): void;
  /**
   * Where a stream opened now should start, so that "send first, stream second" cannot miss a fast turn:
   * the `seq` before the oldest client event that was accepted in the last few seconds while nobody
   * listened, at whichever server; `null` when there is none.
   */
  missedSince(id: SessionId): Promise<number | null>;
  /** How many tails are open. */
  readers(): number;
  /** Client events came at another server. `isHeard`: a stream there showed them. True: one here does, and none there. */
  noteElsewhere(id: SessionId, accepted: AcceptedAt & { readonly isHeard: boolean }): boolean;
  /** A stream of another server showed client events that came elsewhere. */
  heardElsewhere(id: SessionId, seq: number): void;
  close(): void;
}

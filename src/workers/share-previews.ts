import type { Clock } from '../base/clock.ts';
import type { EventId, SessionId } from '../base/ids.ts';
import type { Hint, Message, PreviewsTold } from '../domain/hints.ts';
import { previewsCollectedMs, toldPreviewCharactersMax } from '../domain/limits.ts';
import { addJoined, cutPreviews, previewsLength } from '../domain/previews.ts';
import type { Commit } from '../domain/session/session-log.ts';
import type { Preview, Tails } from '../domain/tails.ts';
import type { PreviewEvent } from '../protocol/events.ts';

export type SharePreviewsDeps = {
  readonly tails: Pick<Tails, 'preview' | 'underWay' | 'settle' | 'wantsPreviews'>;
  /** Told to the other servers: false when they will not hear it. */
  readonly tell: (message: Message) => boolean;
  /** Whether its turn runs here. */
  readonly isRunning: (sessionId: SessionId) => boolean;
  readonly clock: Clock;
};

export type SharePreviews = {
  /** A stream here wants the previews of this session. */
  want(sessionId: SessionId): void;
  /** A turn here has previewed something. */
  offer(sessionId: SessionId, preview: Preview): void;
  /** Before the others hear of the commit. */
  noticeCommit(commit: Pick<Commit, 'sessionId' | 'records'>): void;
  heard(message: Message): void;
  /** What was said meanwhile was not heard. */
  missed(): void;
};

/** What another server wants of a reply that is made here. */
type Wanted = { requestId: EventId | null; from: number; pending: PreviewEvent[] };
/** How far a reply that is made elsewhere was heard. */
type Followed = { requestId: EventId | null; length: number };

/**
 * Previews for streams at other servers, while somebody there wants them: a server says so when a request begins,
 * or a stream comes, and is told the rest of that one reply. Best effort: who misses a piece gets no more of it.
 *
 *     here      request begins ─hint─▶        so far, then piece by piece ─▶      ends
 *     there                    ◀─wanted─ a stream wants them
 */
export function sharePreviews({ tails, tell, isRunning, clock }: SharePreviewsDeps): SharePreviews {
  const wanted = new Map<SessionId, Wanted>();
  const followed = new Map<SessionId, Followed>();
  let isCollecting = false;

  function begin(sessionId: SessionId): void {
    if (!isRunning(sessionId)) return;
    const known = wanted.get(sessionId);
    if (known) say(sessionId, known);
    const underWay = tails.underWay(sessionId);
    const { requestId, previews } = underWay ?? { requestId: null, previews: [] };
    const from = previewsLength(previews);
    wanted.set(sessionId, { requestId, from, pending: [] });
    if (requestId !== null) tellPieces({ sessionId, requestId, from: 0, isSoFar: true }, previews);
  }

  /** All that waits of one session; one whose server cannot keep up is no longer told. */
  function say(sessionId: SessionId, one: Wanted): void {
    const { requestId, from, pending } = one;
    if (requestId === null || pending.length === 0) return;
    one.from += previewsLength(pending);
    one.pending = [];
    if (!tellPieces({ sessionId, requestId, from, isSoFar: false }, pending)) wanted.delete(sessionId);
  }

  function tellPieces(
    told: Omit<PreviewsTold, 'type' | 'previews'>,
    previews: readonly PreviewEvent[],
  ): boolean {
    let { from } = told;
    for (const piece of cutPreviews(previews, toldPreviewCharactersMax)) {
      if (!tell({ type: 'previews', ...told, from, previews: piece })) return false;
      from += previewsLength(piece);
    }
    return true;
  }

  async function collect(): Promise<void> {
    if (isCollecting) return;
    isCollecting = true;
    await clock.sleep(previewsCollectedMs);
    isCollecting = false;
    for (const [sessionId, one] of wanted) {
      if (isRunning(sessionId)) say(sessionId, one);
      else wanted.delete(sessionId);
    }
  }

  function follow(sessionId: SessionId): void {
    followed.set(sessionId, { requestId: null, length: 0 });
    tell({ type: 'previews_wanted', sessionId });
  }

  function forget(sessionId: SessionId): void {
    followed.delete(sessionId);
    tails.settle(sessionId);
  }

  function heardHint({ sessionId, isAnswered, isAsked, farewell }: Hint): void {
    if (isAnswered || isAsked || farewell) forget(sessionId);
    if (isAsked && tails.wantsPreviews(sessionId)) follow(sessionId);
  }

  function heardPreviews({ sessionId, requestId, from, previews, isSoFar }: PreviewsTold): void {
    const one = followed.get(sessionId);
    if (!one || from !== one.length || (one.requestId ?? requestId) !== requestId) return;
    one.requestId = requestId;
    one.length += previewsLength(previews);
    for (const preview of previews) tails.preview(sessionId, { preview, requestId, isSoFar });
  }

  return {
    want(sessionId) {
      if (!followed.has(sessionId) && !isRunning(sessionId)) follow(sessionId);
    },
    offer(sessionId, { preview, requestId }) {
      const one = wanted.get(sessionId);
      if (!one) return;
      // It was wanted before the request began.
      if (one.requestId !== requestId) Object.assign(one, { requestId, from: 0, pending: [] });
      addJoined(one.pending, preview);
      void collect();
    },
    noticeCommit({ sessionId, records }) {
      for (const { entry } of records) {
        if (entry.kind !== 'emitted') continue;
        if (entry.event.type === 'span.model_request_start') forget(sessionId);
        const one = entry.event.type === 'span.model_request_end' && wanted.get(sessionId);
        if (one) say(sessionId, one);
        if (one) wanted.delete(sessionId);
      }
    },
    heard(message) {
      if (message.type === 'commit') heardHint(message);
      if (message.type === 'previews_wanted') begin(message.sessionId);
      if (message.type === 'previews') heardPreviews(message);
    },
    missed() {
      for (const sessionId of [...followed.keys()]) forget(sessionId);
    },
  };
}

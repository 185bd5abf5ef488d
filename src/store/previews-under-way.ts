import { addJoined } from '../domain/previews.ts';
import type { Commit } from '../domain/session/session-log.ts';
import type { Preview, UnderWay } from '../domain/tails.ts';
import type { PreviewEvent } from '../protocol/events.ts';

/** What has been previewed of replies that are not in the log yet, for readers that come in the middle. */
export type PreviewsUnderWay = {
  add(sessionId: string, preview: Preview): void;
  /** Forgets what the commit settles: the events themselves, or the end of the request that got none. */
  settleBy(commit: Pick<Commit, 'sessionId' | 'records'>): void;
  settle(sessionId: string): void;
  /** Starts, and the text so far of each part in one delta. */
  of(sessionId: string): UnderWay | null;
};

type Growing = { readonly requestId: string; readonly previews: PreviewEvent[] };

export function createPreviewsUnderWay(): PreviewsUnderWay {
  const sessions = new Map<string, Growing>();
  return {
    add(id, { preview, requestId }) {
      const known = sessions.get(id);
      const growing = known?.requestId === requestId ? known : { requestId, previews: [] };
      if (growing !== known) sessions.set(id, growing);
      addJoined(growing.previews, preview);
    },
    settleBy({ sessionId, records }) {
      if (!sessions.has(sessionId)) return;
      const isOver = records.some(
        ({ entry }) => entry.kind === 'emitted' && entry.event.type === 'span.model_request_end',
      );
      if (isOver) sessions.delete(sessionId);
    },
    settle: (id) => void sessions.delete(id),
    of(id) {
      const known = sessions.get(id);
      return known ? { requestId: known.requestId, previews: [...known.previews] } : null;
    },
  };
}

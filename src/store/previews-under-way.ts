import type { Commit } from '../domain/session/session-log.ts';
import type { PreviewEvent } from '../protocol/events.ts';

/** What has been previewed of replies that are not in the log yet, for readers that come in the middle. */
export type PreviewsUnderWay = {
  add(sessionId: string, preview: PreviewEvent): void;
  /** Forgets what the commit settles: the events themselves, or the end of the request that got none. */
  settle(commit: Pick<Commit, 'sessionId' | 'records'>): void;
  /** Starts, and the text so far of each part in one delta. */
  of(sessionId: string): readonly PreviewEvent[];
};

type Delta = PreviewEvent & { type: 'event_delta' };

export function createPreviewsUnderWay(): PreviewsUnderWay {
  const sessions = new Map<string, PreviewEvent[]>();
  return {
    add(id, preview) {
      const so = sessions.get(id) ?? [];
      if (so.length === 0) sessions.set(id, so);
      const last = so.at(-1);
      if (preview.type === 'event_delta' && last?.type === 'event_delta' && isSamePart(last, preview))
        so[so.length - 1] = joined(last, preview);
      else so.push(preview);
    },
    settle({ sessionId, records }) {
      if (!sessions.has(sessionId)) return;
      const isOver = records.some(
        ({ entry }) => entry.kind === 'emitted' && entry.event.type === 'span.model_request_end',
      );
      if (isOver) sessions.delete(sessionId);
    },
    of: (id) => [...(sessions.get(id) ?? [])],
  };
}

function isSamePart(before: Delta, next: Delta): boolean {
  return before.event_id === next.event_id && before.delta.index === next.delta.index;
}

function joined(before: Delta, { delta }: Delta): Delta {
  const text = before.delta.content.text + delta.content.text;
  return { ...before, delta: { ...before.delta, content: { type: 'text', text } } };
}

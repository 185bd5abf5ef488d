import type { SessionEvent } from '../../protocol/events.ts';
import type { LogRecord } from './entry.ts';

/**
 * What a stream shows for one record, or `null`: a queued client event is delivered when it is
 * consumed, with the time it was processed (spec/events.md, processed_at and list order).
 * `accepted` finds the event a `consumed` record is about.
 */
export function deliver(
  record: LogRecord,
  accepted: (eventId: string) => SessionEvent | undefined,
): SessionEvent | null {
  const { entry } = record;
  if (entry.kind === 'emitted') return entry.event;
  if (entry.kind === 'accepted') return entry.event.processed_at == null ? null : entry.event;
  if (entry.kind !== 'consumed') return null;
  const event = accepted(entry.eventId);
  // `processed_at` exists on every client event; the spread loses that the union member stays the same.
  return event ? ({ ...event, processed_at: entry.processedAt } as SessionEvent) : null;
}

import { assert } from '../base/assert.ts';
import { parseUs } from '../base/timestamp.ts';
import type { Entry, LogRecord } from '../domain/session/entry.ts';
import type { SessionEvent } from '../protocol/events.ts';
import type { Bodies } from './bodies.ts';
import type { EntryRow } from './tables.ts';
import { queuedAtUs } from './tables.ts';

/** One log record as a row, and back. */
export function rowOf(sessionId: string, { seq, entry }: LogRecord, bodies: Bodies): EntryRow {
  const { kind, ...rest } = entry;
  return {
    session_id: sessionId,
    seq,
    kind,
    ...indexed(entry),
    body: bodies.store(sessionId, JSON.stringify(rest)),
  };
}

type Indexed = Pick<EntryRow, 'event_id' | 'event_type' | 'listed_at_us'>;

function indexed(entry: Entry): Indexed {
  if (entry.kind === 'consumed') return { event_id: entry.eventId, event_type: null, listed_at_us: null };
  if (entry.kind !== 'accepted' && entry.kind !== 'emitted') {
    return { event_id: null, event_type: null, listed_at_us: null };
  }
  const { event } = entry;
  return {
    event_id: event.id,
    event_type: event.type,
    listed_at_us: event.processed_at == null ? queuedAtUs : microseconds(event.processed_at),
  };
}

export function microseconds(timestamp: string): number {
  const atUs = parseUs(timestamp);
  assert(atUs !== null, `${timestamp} is a timestamp`);
  return atUs;
}

export function recordOf(row: EntryRow, bodies: Bodies): LogRecord {
  const rest: unknown = JSON.parse(bodies.load(row.session_id, row.body));
  // Rows are only ever written by `rowOf`, from an Entry.
  return { seq: row.seq, entry: { kind: row.kind, ...(rest as object) } as Entry };
}

/** The event of an `accepted` or `emitted` row. */
export function eventOf(row: EntryRow, bodies: Bodies): SessionEvent {
  const { entry } = recordOf(row, bodies);
  assert(entry.kind === 'accepted' || entry.kind === 'emitted', 'only events are listed');
  return entry.event;
}

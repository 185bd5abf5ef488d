import type { EventId } from '../base/ids.ts';
import { streamReplayPageEvents } from '../domain/limits.ts';
import { deliver } from '../domain/session/delivery.ts';
import type { LogRecord } from '../domain/session/entry.ts';
import type { SessionLog } from '../domain/session/session-log.ts';
import type { Tail, TailItem, Tails, UnderWay } from '../domain/tails.ts';
import type { PreviewEvent, SessionEvent, StreamEvent } from '../protocol/events.ts';
import { invalid, Refusal } from '../protocol/refusal.ts';

export type StreamDeps = { readonly log: SessionLog; readonly tails: Tails };

export type StreamOptions = {
  /** Replay everything delivered after this event, then go live; `null`: live only. */
  readonly after: string | null;
  /** Event types whose previews this connection wants. */
  readonly previews: readonly PreviewedType[];
};

export type PreviewedType = 'agent.message' | 'agent.thinking';

/** What a stream delivers: stored events carry their id, previews none. */
export type StreamItem =
  | { readonly type: 'event'; readonly event: StreamEvent; readonly id: string | null }
  /** The reader was too slow: the connection must be cut, the client can resume by its last event id. */
  | { readonly type: 'overflow' };

/** What is there at once comes at once; an overflow is the last of all. */
export type EventStream = AsyncIterable<readonly StreamItem[]> & { close(): void };

/**
 * Hop 10, the reading side: attach a tail first, then read the log up to where the tail begins, so that
 * nothing falls between. Ends after `session.deleted` and `session.status_terminated`.
 */
export async function streamEvents(
  deps: StreamDeps,
  sessionId: string,
  options: StreamOptions,
): Promise<EventStream> {
  const isLive = options.after === null;
  const wantsPreviews = options.previews.length > 0;
  const tail = deps.tails.attach(sessionId, { wantsPreviews, isOpening: isLive });
  // Only who replays gets the beginning of what is under way (spec/events.md, Live previews).
  const underWay = isLive ? null : deps.tails.underWay(sessionId);
  try {
    const state = await deps.log.state(sessionId);
    if (state === null) throw new Refusal('not_found', `Session not found: ${sessionId}`);
    const from = await startOf(deps, sessionId, options.after, state.seq);
    tail.begin();
    const queued = new Map(state.queue.map((event) => [event.id, event]));
    const ended = state.status === 'terminated';
    const reader = {
      ...{ deps, sessionId, tail, queued, ended },
      previews: options.previews,
      underWay: underWay?.requestId === state.round.openRequest ? underWay : null,
      before: isLive ? state.round.openRequest : null,
      over: null,
    };
    return { [Symbol.asyncIterator]: () => read(reader, from, state.seq), close: () => tail.close() };
  } catch (cause) {
    tail.close();
    throw cause;
  }
}

/** The `seq` after which the stream delivers. */
async function startOf(
  deps: StreamDeps,
  sessionId: string,
  after: string | null,
  now: number,
): Promise<number> {
  if (after === null) return Math.min((await deps.tails.missedSince(sessionId)) ?? now, now);
  const seq = await deps.log.deliveredAt(sessionId, after);
  if (seq === null) throw invalid(`cannot replay: no event ${after} has been delivered in this session`);
  return seq;
}

type Reader = {
  readonly deps: StreamDeps;
  readonly sessionId: string;
  readonly tail: Tail;
  readonly queued: Map<string, SessionEvent>;
  readonly previews: readonly PreviewedType[];
  /** What was previewed, before the tail begins, of a reply that is still to come. */
  readonly underWay: UnderWay | null;
  /** The request that was open when a reader without replay came: what had been previewed of it is not for it. */
  readonly before: EventId | null;
  /** The last request that ended: previews from another server may come later than its end. */
  over: EventId | null;
  /** The log was complete when the stream opened: replay, then end. */
  readonly ended: boolean;
};

async function* read(reader: Reader, from: number, upTo: number): AsyncGenerator<readonly StreamItem[]> {
  let seq = from;
  try {
    while (seq < upTo) {
      const page = await reader.deps.log.read(
        reader.sessionId,
        seq,
        Math.min(streamReplayPageEvents, upTo - seq),
      );
      const last = page.at(-1);
      if (!last) break;
      const items = await itemsOf(reader, page);
      if (items.length > 0) yield items;
      if (items.some(endsStream)) return;
      seq = last.seq;
    }
    if (!reader.ended) yield* live(reader, seq);
  } finally {
    reader.tail.close();
  }
}

async function* live(reader: Reader, from: number): AsyncGenerator<readonly StreamItem[]> {
  const opened = new Set<string>();
  let position = from;
  const wanted = (preview: PreviewEvent): StreamItem[] =>
    isWanted(reader.previews, opened, preview) ? [{ type: 'event', event: preview, id: null }] : [];
  const before = reader.underWay?.previews.flatMap(wanted) ?? [];
  if (before.length > 0) yield before;
  for await (const item of reader.tail) {
    const items = await delivered(item);
    if (items.length > 0) yield items;
    if (items.some(endsStream)) return;
  }

  async function delivered(item: TailItem): Promise<readonly StreamItem[]> {
    if (item.type === 'overflow') return [{ type: 'overflow' }];
    if (item.type === 'preview') return isPast(reader, item) ? [] : wanted(item.preview);
    const known = item.type === 'grown' ? [] : item.records.filter(({ seq }) => seq > position);
    const next = item.type === 'grown' ? item.seq + 1 : (known[0]?.seq ?? 0);
    // Commits of other servers may come late, in another order, or not at all.
    const between = next > position + 1 ? await missing(reader, position, next) : [];
    position = Math.max(position, known.at(-1)?.seq ?? between.at(-1)?.seq ?? 0);
    return await itemsOf(reader, [...between, ...known]);
  }
}

function isPast({ before, over }: Reader, { requestId, isSoFar }: TailItem & { type: 'preview' }): boolean {
  return requestId === over || (isSoFar && requestId === before);
}

/** Of the log, the records between two positions, exclusive; none when it is gone, or cannot be read just now. */
async function missing(
  { deps, sessionId }: Reader,
  after: number,
  before: number,
): Promise<readonly LogRecord[]> {
  const records: LogRecord[] = [];
  for (let seq = after; seq < before - 1; ) {
    const limit = Math.min(streamReplayPageEvents, before - 1 - seq);
    const page = await deps.log.read(sessionId, seq, limit).catch(() => []);
    const last = page.at(-1);
    if (!last) break;
    records.push(...page);
    seq = last.seq;
  }
  return records;
}

/** A preview whose start this connection saw, of a type it asked for. */
function isWanted(types: readonly PreviewedType[], opened: Set<string>, preview: PreviewEvent): boolean {
  if (preview.type === 'event_delta') return opened.has(preview.event_id);
  if (!types.includes(preview.event.type) || opened.has(preview.event.id)) return false;
  opened.add(preview.event.id);
  return true;
}

/** What comes after the event that ends the stream is not delivered. */
async function itemsOf(reader: Reader, records: readonly LogRecord[]): Promise<StreamItem[]> {
  const items: StreamItem[] = [];
  for (const record of records) {
    const item = await itemOf(reader, record);
    if (item) items.push(item);
    if (item && endsStream(item)) break;
  }
  return items;
}

async function itemOf(reader: Reader, record: LogRecord): Promise<StreamItem | null> {
  const { entry } = record;
  if (entry.kind === 'accepted') reader.queued.set(entry.event.id, entry.event);
  if (entry.kind === 'consumed' && !reader.queued.has(entry.eventId)) {
    const accepted = await reader.deps.log.accepted(reader.sessionId, entry.eventId);
    if (accepted) reader.queued.set(entry.eventId, accepted);
  }
  if (entry.kind === 'emitted' && entry.event.type === 'span.model_request_end')
    reader.over = entry.event.model_request_start_id;
  const event = deliver(record, (id) => reader.queued.get(id));
  if (event) reader.queued.delete(event.id);
  return event && { type: 'event', event, id: event.id };
}

function endsStream(item: StreamItem): boolean {
  if (item.type === 'overflow') return true;
  return item.event.type === 'session.deleted' || item.event.type === 'session.status_terminated';
}

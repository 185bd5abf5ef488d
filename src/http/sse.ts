import type { Clock } from '../base/clock.ts';
import type { EventStream, StreamItem } from '../control/stream-events.ts';
import { streamBufferBytesMax, streamChunkCharactersMax, streamHeartbeatMs } from '../domain/limits.ts';
import type { StreamEvent } from '../protocol/events.ts';
import { frame, pingFrame } from '../protocol/sse.ts';
import { whileAllowed } from './while-allowed.ts';

const headers = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  'x-accel-buffering': 'no',
};

const encoder = new TextEncoder();
const ping = encoder.encode(pingFrame);
const tooSlow = frame({
  event: 'error',
  data: JSON.stringify({
    type: 'error',
    error: {
      type: 'api_error',
      message: 'the stream was read too slowly; reconnect with Last-Event-ID to go on',
    },
  }),
});

type StreamedEvent = StreamItem & { type: 'event' };

/** Frames by their events: what goes to all clients of a session is made once. */
export type Frames = WeakMap<StreamEvent, Uint8Array>;

export type SseOptions = {
  readonly clock: Clock;
  readonly frames: Frames;
  readonly extraHeaders: Readonly<Record<string, string>>;
  /** All frames of events are named `message`, for clients that read no other; their data says the type. */
  readonly onlyMessages: boolean;
  /** Rejects with a refusal once the client may no longer listen. */
  readonly check: () => Promise<unknown>;
};

/**
 * A session's stream as one Web stream, pulled by the reader: a slow one holds at most the high-water mark
 * here, while its tail fills up and, when full, says so and forgets. The server's memory stays flat.
 */
export function sseResponse(source: EventStream, options: SseOptions): Response {
  const { clock, extraHeaders, check } = options;
  const events = whileAllowed(source, check, clock);
  const chunks = chunksOf(events, options);
  const done = new AbortController();

  function end(): void {
    done.abort();
    events.close();
  }

  async function beat(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    for (;;) {
      await clock.sleep(streamHeartbeatMs, done.signal).catch(() => undefined);
      if (done.signal.aborted) return;
      if ((controller.desiredSize ?? 0) > 0) controller.enqueue(ping);
    }
  }

  const stream = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        // Headers go out with the first bytes; clients open the stream before they post.
        controller.enqueue(ping);
        void beat(controller);
      },
      async pull(controller) {
        const next = await chunks.next();
        if (done.signal.aborted) return;
        if (!next.done) return controller.enqueue(next.value);
        end();
        controller.close();
      },
      cancel: end,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: streamBufferBytesMax }),
  );
  return new Response(stream, { headers: { ...headers, ...extraHeaders } });
}

/** What comes at once goes out at once, in chunks of bounded size. */
async function* chunksOf(events: EventStream, options: SseOptions): AsyncGenerator<Uint8Array> {
  for await (const items of events) {
    const [first] = items;
    if (first?.type === 'event' && items.length === 1) yield encodedOnce(first, options);
    else yield* encoded(items, options);
    if (items.at(-1)?.type === 'overflow') return;
  }
}

/** Most commits bring one event, and a session may have many clients. */
function encodedOnce(item: StreamedEvent, { frames, onlyMessages }: SseOptions): Uint8Array {
  const known = onlyMessages ? undefined : frames.get(item.event);
  if (known) return known;
  const made = encoder.encode(frameOf(item, onlyMessages));
  if (!onlyMessages) frames.set(item.event, made);
  return made;
}

function* encoded(items: readonly StreamItem[], { onlyMessages }: SseOptions): Generator<Uint8Array> {
  let text = '';
  for (const item of items) {
    text += item.type === 'overflow' ? tooSlow : frameOf(item, onlyMessages);
    if (text.length < streamChunkCharactersMax) continue;
    yield encoder.encode(text);
    text = '';
  }
  if (text !== '') yield encoder.encode(text);
}

function frameOf({ event, id }: StreamedEvent, onlyMessages: boolean): string {
  const name = onlyMessages ? 'message' : event.type;
  return frame({ event: name, id, data: JSON.stringify(event) });
}

/** The SDK for JavaScript before 0.89 drops every frame of a session's stream that is not named `message`. */
export function readsOnlyMessages(headers: Headers): boolean {
  const version = /^0\.(\d+)\./.exec(headers.get('x-stainless-package-version') ?? '');
  return headers.get('x-stainless-lang') === 'js' && version !== null && Number(version[1]) < 89;
}

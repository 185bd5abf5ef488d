import type { Clock } from '../base/clock.ts';
import type { EventStream, StreamItem } from '../control/stream-events.ts';
import { streamBufferBytesMax, streamHeartbeatMs } from '../domain/limits.ts';
import { frame, pingFrame } from '../protocol/sse.ts';
import { whileAllowed } from './while-allowed.ts';

const headers = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  'x-accel-buffering': 'no',
};

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

export type SseOptions = {
  readonly clock: Clock;
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
  const encoder = new TextEncoder();
  const events = whileAllowed(source, check, clock);
  const iterator = events[Symbol.asyncIterator]();
  const done = new AbortController();

  function end(): void {
    done.abort();
    events.close();
  }

  async function beat(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    for (;;) {
      await clock.sleep(streamHeartbeatMs, done.signal).catch(() => undefined);
      if (done.signal.aborted) return;
      if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(pingFrame));
    }
  }

  const stream = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        // Headers go out with the first bytes; clients open the stream before they post.
        controller.enqueue(encoder.encode(pingFrame));
        void beat(controller);
      },
      async pull(controller) {
        const next = await iterator.next();
        if (done.signal.aborted) return;
        if (!next.done) controller.enqueue(encoder.encode(frameOf(next.value, options)));
        if (!next.done && next.value.type !== 'overflow') return;
        end();
        controller.close();
      },
      cancel: end,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: streamBufferBytesMax }),
  );
  return new Response(stream, { headers: { ...headers, ...extraHeaders } });
}

function frameOf(item: StreamItem, { onlyMessages }: SseOptions): string {
  if (item.type === 'overflow') return tooSlow;
  const { event, id } = item;
  return frame({ event: onlyMessages ? 'message' : event.type, id, data: JSON.stringify(event) });
}

/** The SDK for JavaScript before 0.89 drops every frame of a session's stream that is not named `message`. */
export function readsOnlyMessages(headers: Headers): boolean {
  const version = /^0\.(\d+)\./.exec(headers.get('x-stainless-package-version') ?? '');
  return headers.get('x-stainless-lang') === 'js' && version !== null && Number(version[1]) < 89;
}

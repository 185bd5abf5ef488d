import type { Clock } from '../../base/clock.ts';

/**
 * The same bytes, but the stream fails when none come for `idleMs` to whoever waits for them. Every byte counts: a
 * model that thinks for minutes sends nothing but pings, and those never leave the SDK.
 */
export function failingWhenIdle(
  body: ReadableStream<Uint8Array>,
  idleMs: number,
  clock: Clock,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();

  async function read() {
    const heard = new AbortController();
    const silence = clock.sleep(idleMs, heard.signal).then(() => {
      throw new Error(`nothing came for ${idleMs} ms`);
    });
    try {
      return await Promise.race([reader.read(), silence]);
    } finally {
      heard.abort('heard');
    }
  }

  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await read();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (cause) {
        // Whatever it fails with is what the reader is about to get.
        void reader.cancel(cause).catch(() => undefined);
        throw cause;
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

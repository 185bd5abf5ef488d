import type { Clock } from '../../base/clock.ts';

/**
 * The same bytes, but the stream fails when none come for `idleMs`. Every byte counts: a model that thinks for
 * minutes sends nothing but pings, and those never leave the SDK.
 */
export function failingWhenIdle(
  body: ReadableStream<Uint8Array>,
  idleMs: number,
  clock: Clock,
): ReadableStream<Uint8Array> {
  const ended = new AbortController();
  let heardUs = clock.nowUs();

  async function watch(controller: TransformStreamDefaultController<Uint8Array>): Promise<void> {
    for (;;) {
      const leftMs = idleMs - (clock.nowUs() - heardUs) / 1000;
      if (leftMs <= 0) return controller.error(new Error(`nothing came for ${idleMs} ms`));
      try {
        await clock.sleep(leftMs, ended.signal);
      } catch {
        return;
      }
    }
  }

  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      start(controller) {
        void watch(controller);
      },
      transform(chunk, controller) {
        heardUs = clock.nowUs();
        controller.enqueue(chunk);
      },
      flush: () => ended.abort(),
      cancel: () => ended.abort(),
    }),
  );
}

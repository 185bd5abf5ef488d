import type { Clock } from '../base/clock.ts';
import type { EventStream } from '../control/stream-events.ts';
import { streamAccessCheckMs } from '../domain/limits.ts';
import { Refusal } from '../protocol/refusal.ts';

/**
 * A stream for as long as `check` resolves: it ends within seconds after the key that opened it was disabled
 * or has expired, or its workspace was archived. A client that comes back learns why.
 */
export function whileAllowed(events: EventStream, check: () => Promise<unknown>, clock: Clock): EventStream {
  const done = new AbortController();

  function close(): void {
    done.abort();
    events.close();
  }

  async function watch(): Promise<void> {
    for (;;) {
      await clock.sleep(streamAccessCheckMs, done.signal).catch(() => undefined);
      if (done.signal.aborted) return;
      if (!(await isAllowed(check))) return close();
    }
  }

  void watch();
  return { [Symbol.asyncIterator]: () => events[Symbol.asyncIterator](), close };
}

async function isAllowed(check: () => Promise<unknown>): Promise<boolean> {
  try {
    await check();
    return true;
  } catch (cause) {
    // A store that cannot answer just now is no reason to hang up.
    return !(cause instanceof Refusal) || cause.code === 'unavailable';
  }
}

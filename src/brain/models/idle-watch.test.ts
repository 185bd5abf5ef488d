import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fakeClock } from '../../../test/support/clock.ts';
import { failingWhenIdle } from './idle-watch.ts';

function watched() {
  const clock = fakeClock();
  let source: ReadableStreamDefaultController<Uint8Array> | null = null;
  let cancelled: unknown = null;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      source = controller;
    },
    cancel(reason) {
      cancelled = reason;
    },
  });
  const reader = failingWhenIdle(body, 1_000, clock).getReader();
  return {
    clock,
    reader,
    send: (byte: number) => source?.enqueue(Uint8Array.of(byte)),
    close: () => source?.close(),
    cancelled: () => cancelled,
  };
}

/** Lets everything that is due happen. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('a body that is watched for silence', () => {
  test('fails when nothing came for the time given, and lets go of its source', async () => {
    const { clock, reader, cancelled } = watched();
    await settle();
    clock.advance(999);
    const read = assert.rejects(reader.read(), /nothing came for 1000 ms/);
    await settle();
    clock.advance(1);
    await read;
    await settle();
    assert.match(String(cancelled()), /nothing came/);
  });

  test('lives as long as something comes, however little and however long', async () => {
    const { clock, reader, send, close } = watched();
    for (let byte = 0; byte < 10; byte++) {
      clock.advance(900);
      send(byte);
      assert.deepEqual(await reader.read(), { done: false, value: Uint8Array.of(byte) });
    }
    close();
    assert.equal((await reader.read()).done, true);
    clock.advance(10_000);
  });

  test('is not watched any more once its reader has gone', async () => {
    const { clock, reader, cancelled } = watched();
    await reader.cancel('enough');
    clock.advance(10_000);
    await settle();
    assert.equal(cancelled(), 'enough');
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { fakeClock } from '../../test/support/clock.ts';
import type { EventStream, StreamItem } from '../control/stream-events.ts';
import { streamAccessCheckMs } from '../domain/limits.ts';
import { Refusal } from '../protocol/refusal.ts';
import { whileAllowed } from './while-allowed.ts';

function openStream() {
  const closed = Promise.withResolvers<void>();
  const stream = { isClosed: false };
  async function* read(): AsyncGenerator<readonly StreamItem[]> {
    yield* [];
    await closed.promise;
  }
  const events: EventStream = {
    [Symbol.asyncIterator]: read,
    close() {
      stream.isClosed = true;
      closed.resolve();
    },
  };
  return { events, stream };
}

/** A check that can change its mind, and counts how often it is asked. */
function watched() {
  const clock = fakeClock();
  const { events, stream } = openStream();
  const state: { failure: Error | null; asked: number } = { failure: null, asked: 0 };
  const check = async () => {
    state.asked += 1;
    if (state.failure) throw state.failure;
  };
  const guarded = whileAllowed(events, check, clock);
  const pass = async () => {
    clock.advance(streamAccessCheckMs);
    await setImmediate();
  };
  return { guarded, stream, state, pass };
}

test('a stream goes on while its key is good, and ends when it no longer is', async () => {
  const { guarded, stream, state, pass } = watched();
  for (let count = 0; count < 5; count++) await pass();
  assert.deepEqual([stream.isClosed, state.asked], [false, 5]);
  state.failure = new Refusal('authentication', 'invalid x-api-key: this key is inactive');
  await pass();
  assert.equal(stream.isClosed, true);
  assert.equal((await guarded[Symbol.asyncIterator]().next()).done, true);
  await pass();
  assert.equal(state.asked, 6);
});

test('a store that cannot answer ends nothing', async () => {
  const { stream, state, pass } = watched();
  state.failure = new Error('disk full');
  await pass();
  assert.equal(stream.isClosed, false);
});

test('a stream that was closed is asked about no more', async () => {
  const { guarded, stream, state, pass } = watched();
  guarded.close();
  await pass();
  assert.deepEqual([stream.isClosed, state.asked], [true, 0]);
});

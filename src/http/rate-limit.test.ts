import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fakeClock } from '../../test/support/clock.ts';
import type { RateLimits } from '../domain/rate-limits.ts';
import { Refusal } from '../protocol/refusal.ts';
import { createRateLimit } from './rate-limit.ts';

const read = { method: 'GET' } as const;
const write = { method: 'POST' } as const;
const off: RateLimits = { createPerMinute: null, readPerMinute: null, keys: {} };

function limited(limits: Partial<RateLimits>) {
  const clock = fakeClock();
  const count = createRateLimit({ ...off, ...limits }, clock);
  /** The seconds to wait, or null when the request was let through. */
  const ask = (key: string, route: Parameters<typeof count>[1] = write): number | null => {
    try {
      count(key, route);
      return null;
    } catch (cause) {
      assert.ok(cause instanceof Refusal && cause.code === 'rate_limited');
      return cause.retryAfterSeconds ?? Number.NaN;
    }
  };
  return { clock, ask };
}

describe('a rate limit', () => {
  test('that is not set lets everything through', () => {
    const { ask } = limited({});
    for (let count = 0; count < 1_000; count++) assert.equal(ask('a'), null);
  });

  test('lets a minute’s worth through at once, then as many as time allows', () => {
    const { ask, clock } = limited({ createPerMinute: 60 });
    for (let count = 0; count < 60; count++) assert.equal(ask('a'), null);
    assert.equal(ask('a'), 1);
    clock.advance(999);
    assert.equal(ask('a'), 1);
    clock.advance(1);
    assert.equal(ask('a'), null);
    assert.equal(ask('a'), 1);
    clock.advance(3_600_000);
    for (let count = 0; count < 60; count++) assert.equal(ask('a'), null);
    assert.equal(ask('a'), 1);
  });

  test('says how long to wait, and that is enough', () => {
    const { ask, clock } = limited({ createPerMinute: 2 });
    assert.deepEqual([ask('a'), ask('a'), ask('a')], [null, null, 30]);
    clock.advance(29_000);
    assert.equal(ask('a'), 1);
    clock.advance(1_000);
    assert.equal(ask('a'), null);
  });

  test('counts keys, reads and writes each for themselves; deleting is writing', () => {
    const { ask } = limited({ createPerMinute: 1, readPerMinute: 2 });
    assert.deepEqual([ask('a'), ask('b'), ask('a', { method: 'DELETE' })], [null, null, 60]);
    assert.deepEqual([ask('a', read), ask('a', read), ask('a', read)], [null, null, 30]);
  });

  test('of one key stands instead of the general one, whole', () => {
    const { ask } = limited({
      createPerMinute: 1,
      readPerMinute: 1,
      keys: { b: { createPerMinute: 2, readPerMinute: null } },
    });
    assert.deepEqual([ask('a'), ask('a')], [null, 60]);
    assert.deepEqual([ask('b'), ask('b'), ask('b')], [null, null, 30]);
    for (let count = 0; count < 10; count++) assert.equal(ask('b', read), null);
    assert.deepEqual([ask('constructor'), ask('constructor')], [null, 60]);
  });

  test('a clock that is set back neither gives nor takes', () => {
    const { ask, clock } = limited({ createPerMinute: 60 });
    ask('a');
    clock.advance(-3_600_000);
    for (let count = 0; count < 59; count++) assert.equal(ask('a'), null);
    assert.equal(ask('a'), 1);
  });

  test('forgets keys that have rested for a minute, and no others', () => {
    const { ask, clock } = limited({ createPerMinute: 1 });
    for (let key = 0; key < 999; key++) ask(`old ${key}`);
    clock.advance(59_000);
    ask('a');
    clock.advance(1_000);
    ask('b');
    assert.equal(ask('a'), 59);
    assert.equal(ask('b'), 60);
    assert.equal(ask('old 1'), null);
  });
});

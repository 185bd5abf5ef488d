import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pureSession } from '../../test/support/pure-session.ts';
import type { Chain } from '../base/chain.ts';
import { append, emptyChain } from '../base/chain.ts';
import type { ConversationItem } from '../domain/session/state.ts';
import type { FoldCache } from './fold-cache.ts';
import { createFoldCache } from './fold-cache.ts';

const { state } = pureSession();
/** With as many items, the fold itself among them, as records. */
const fold = (id: string, seq: number, items = seq) => {
  const item = { type: 'user' as const, content: [] };
  const conversation = Array.from({ length: items - 1 }, () => item).reduce<Chain<ConversationItem>>(
    append,
    emptyChain,
  );
  return { ...state(), id, seq, conversation, queue: [] };
};
/** Which folds it keeps; looking at all of them keeps their order. */
const kept = (cache: FoldCache, ...ids: string[]) => ids.map((id) => cache.get(id)?.seq ?? null);

describe('fold cache', () => {
  test('forgets what was not used for longest once it holds too much', () => {
    const cache = createFoldCache(10);
    cache.set(fold('a', 4));
    cache.set(fold('b', 4));
    assert.deepEqual(kept(cache, 'b', 'a'), [4, 4]);
    cache.set(fold('c', 6));
    assert.deepEqual(kept(cache, 'a', 'b', 'c'), [4, null, 6]);
  });

  test('a fold that grew counts once, and so does one that was dropped', () => {
    const cache = createFoldCache(10);
    for (let seq = 1; seq <= 6; seq++) cache.set(fold('a', seq));
    cache.set(fold('b', 4));
    assert.deepEqual(kept(cache, 'a', 'b'), [6, 4]);
    cache.drop('a');
    cache.drop('a');
    cache.set(fold('c', 6));
    assert.deepEqual(kept(cache, 'a', 'b', 'c'), [null, 4, 6]);
  });

  test('a long log weighs no more than what its conversation has left of it', () => {
    const cache = createFoldCache(10);
    cache.set(fold('a', 100_000, 5));
    cache.set(fold('b', 5));
    assert.deepEqual(kept(cache, 'a', 'b'), [100_000, 5]);
  });

  test('never goes back to an earlier fold', () => {
    const cache = createFoldCache(10);
    cache.set(fold('a', 5));
    cache.set(fold('a', 3));
    assert.deepEqual(kept(cache, 'a'), [5]);
  });

  test('keeps the newest even when it alone is too large', () => {
    const cache = createFoldCache(10);
    cache.set(fold('a', 4));
    cache.set(fold('b', 50));
    assert.deepEqual(kept(cache, 'a', 'b'), [null, 50]);
    cache.set(fold('c', 4));
    assert.deepEqual(kept(cache, 'b', 'c'), [null, 4]);
  });
});

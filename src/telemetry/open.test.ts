import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOpen } from './open.ts';

test('what never ends makes room, the oldest first', () => {
  const forgotten: number[] = [];
  const open = createOpen<number>(2, (value) => forgotten.push(value));
  open.put('a', 1);
  open.put('b', 2);
  open.put('a', 3);
  open.put('c', 4);
  assert.deepEqual(forgotten, [2]);
  assert.equal(open.take('b'), undefined);
  assert.equal(open.take('a'), 3);
  assert.equal(open.take('a'), undefined);
  assert.equal(open.get('c'), 4);
});

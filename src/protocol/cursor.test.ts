import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Cursor } from './cursor.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';

const cursor = (parts: unknown) => `page_${Buffer.from(JSON.stringify(parts)).toString('base64url')}`;

describe('a cursor', () => {
  const positions: readonly Cursor['position'][] = [
    [1_790_000_000_000_000, 'agent_1'],
    [0, `/${'é'.repeat(511)}`],
    [7, 7],
    [-1, ''],
  ];
  for (const position of positions) {
    test(`comes back as it was: ${JSON.stringify(position).slice(0, 40)}`, () => {
      for (const order of ['asc', 'desc'] as const) {
        for (const back of [true, false]) {
          const made = { order, position, back };
          assert.deepEqual(decodeCursor(encodeCursor(made), order), made);
        }
      }
    });
  }

  const broken = [
    '',
    'x',
    'page_',
    'page_!!',
    'page_bm90IGpzb24',
    cursor({}),
    cursor([]),
    cursor(['up', 1, 'a']),
    cursor(['desc', '1', 'a']),
    cursor(['desc', 1.5, 'a']),
    cursor(['desc', 1, null]),
    cursor(['desc', 1, 'a', 2]),
    cursor(['desc', 1, 'a', 1, 1]),
  ];
  for (const text of broken) {
    test(`is refused when it is ${text === '' ? 'empty' : text}`, () => {
      assert.throws(() => decodeCursor(text, 'desc'), /^Refusal: page: invalid cursor$/);
    });
  }

  test('is refused in the other order', () => {
    const made = encodeCursor({ order: 'desc', position: [1, 'a'], back: false });
    assert.throws(() => decodeCursor(made, 'asc'), /page: this cursor belongs to order desc/);
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Model } from './linearize.ts';
import { explanations } from './linearize.ts';

/** A counter that says what it was before. */
const counter: Model<number, 'add' | 'read'> = {
  initial: 0,
  apply: (state, op) => [op === 'add' ? state + 1 : state, String(state)],
};
const call = (op: 'add' | 'read', outcome: string, label: string) => ({ op, outcome, label });

describe('an explanation of what concurrent callers saw', () => {
  test('is some order of their calls', () => {
    const calls = [call('add', '1', 'a'), call('read', '2', 'b'), call('add', '0', 'c')];
    assert.deepEqual(explanations(counter, [0], calls), [2]);
  });

  test('is not there for a lost update, a read of what never was, or another beginning', () => {
    assert.deepEqual(explanations(counter, [0], [call('add', '0', 'a'), call('add', '0', 'b')]), []);
    assert.deepEqual(explanations(counter, [0], [call('read', '1', 'a')]), []);
    assert.deepEqual(explanations(counter, [0, 5], [call('read', '5', 'a')]), [5]);
  });
});

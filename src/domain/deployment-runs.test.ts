import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RefusalCode } from '../protocol/refusal.ts';
import { invalid, Refusal } from '../protocol/refusal.ts';
import { runErrorOf } from './deployment-runs.ts';

describe('the error of a run', () => {
  const codes: readonly (readonly [RefusalCode, string])[] = [
    ['invalid_request', 'session_creation_rejected_error'],
    ['not_found', 'session_creation_rejected_error'],
    ['permission', 'session_creation_rejected_error'],
    ['billing', 'session_creation_rejected_error'],
    ['conflict', 'session_creation_rejected_error'],
    ['too_large', 'session_creation_rejected_error'],
    ['rate_limited', 'session_rate_limited_error'],
    ['internal', 'unknown_error'],
    ['unavailable', 'unknown_error'],
    ['overloaded', 'unknown_error'],
  ];
  for (const [code, type] of codes) {
    test(`is ${type} for ${code}`, () => {
      assert.deepEqual(runErrorOf(new Refusal(code, 'why')), { type, message: 'why' });
    });
  }

  test('is what the refusal says, if it says so', () => {
    const refusal = new Refusal('not_found', 'why', { runError: 'vault_not_found_error' });
    assert.deepEqual(runErrorOf(refusal), { type: 'vault_not_found_error', message: 'why' });
  });

  test('tells nothing of what nobody expected', () => {
    const unknown = { type: 'unknown_error', message: 'Internal server error' };
    for (const cause of [new Error('the password is 123'), 'text', null])
      assert.deepEqual(runErrorOf(cause), unknown);
    assert.equal(runErrorOf(invalid('x')).message, 'x');
  });
});

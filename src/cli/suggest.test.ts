import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { suggest } from './suggest.ts';

describe('a suggestion', () => {
  const known = ['beta:agents', 'beta:sessions', 'beta:sessions:events', 'models'];
  const cases: readonly (readonly [typed: string, meant: string | null])[] = [
    ['beta:agent', 'beta:agents'],
    ['beta:sesions:event', 'beta:sessions:events'],
    ['modles', 'models'],
    ['agents', null],
    ['', null],
  ];
  for (const [typed, meant] of cases) {
    test(`for "${typed}" is ${meant}`, () => {
      assert.equal(suggest(typed, known), meant);
    });
  }
});

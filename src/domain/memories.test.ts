import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { memoryPathProblem } from '../protocol/memories.ts';
import { ancestorsOf } from './memories.ts';

describe('the path of a memory', () => {
  const ways: readonly (readonly [path: string, above: readonly string[]])[] = [
    ['/a', []],
    ['/a/b', ['/a']],
    ['/a/b/c', ['/a', '/a/b']],
  ];
  for (const [path, above] of ways) {
    test(`${path} lies below ${above.join(' and ') || 'the root only'}`, () => {
      assert.deepEqual(ancestorsOf(path), above);
    });
  }

  const good = ['/a', '/...', '/.a', '/a b', '/é', '/🐜', `/${'a'.repeat(1023)}`, '/a'.repeat(20)];
  for (const path of good) {
    test(`may be ${path.slice(0, 20)}`, () => assert.equal(memoryPathProblem(path), null));
  }

  const bad = ['', 'a', '/', '//', '/a/', '/a//b', '/.', '/..', '/a\n', '/\u0085', '/\ufeff', '/e\u0301'];
  for (const path of [...bad, '/a\u2029', '/\ud83d', `/${'a'.repeat(1024)}`, '/a'.repeat(21)]) {
    test(`may not be ${JSON.stringify(path.slice(0, 20))}`, () => {
      assert.match(memoryPathProblem(path) ?? '', /^must /);
    });
  }
});

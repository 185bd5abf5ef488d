import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConfigMistake } from './config.ts';
import { roleNames, rolesOf } from './roles.ts';

describe('roles', () => {
  test('are all of them unless said otherwise, in one line or as a list', () => {
    assert.deepEqual([...rolesOf(undefined, false, ConfigMistake)], roleNames);
    assert.deepEqual([...rolesOf('brain, hands', true, ConfigMistake)], ['brain', 'hands']);
    assert.deepEqual([...rolesOf(['api', 'api'], true, ConfigMistake)], ['api']);
    assert.deepEqual(
      [...rolesOf('scheduler,hands,brain,api', false, ConfigMistake)].sort(),
      [...roleNames].sort(),
    );
  });

  const mistakes: readonly (readonly [name: string, given: unknown, isShared: boolean, says: RegExp])[] = [
    ['one that is none', 'api,legs', true, /^roles: "legs" is none of api, brain, hands, scheduler$/],
    ['an empty name', 'api,', true, /^roles: "" is none of/],
    ['no list', { api: true }, true, /^roles: must be a list/],
    ['an empty list', [], true, /^roles: must be a list/],
    ['hands without a brain', 'api,hands', true, /hands need brain too; .* anthill worker/],
    ['a part of them on SQLite', 'api,brain,hands', false, /nobody would be scheduler; leave out --roles$/],
  ];
  for (const [name, given, isShared, says] of mistakes) {
    test(`${name} is refused`, () => {
      assert.throws(
        () => rolesOf(given, isShared, ConfigMistake),
        (cause) => {
          assert.ok(cause instanceof ConfigMistake);
          assert.match(cause.message, says);
          return true;
        },
      );
    });
  }
});

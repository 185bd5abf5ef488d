import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StoredKey } from '../domain/api-keys.ts';
import type { Access, KeyAccess } from '../domain/organization.ts';
import { openSqlite } from './engines/sqlite.ts';
import { rememberKeys } from './remembered-keys.ts';

/** Keys whose store answers when the test says so, with what is true when it was asked. */
function slowKeys(t: { after(done: () => Promise<void>): void }) {
  const engine = openSqlite(':memory:');
  t.after(() => engine.close());
  const asked: (() => void)[] = [];
  let status: StoredKey['status'] = 'active';
  const access = {
    apiKey(): Promise<KeyAccess> {
      const found = { key: { id: 'apikey_1', status } as StoredKey, isWorkspaceArchived: false };
      return new Promise((resolve) => asked.push(() => resolve(found)));
    },
  } as Partial<Access> as Access;
  const keys = rememberKeys(engine, access);
  return {
    asked,
    statusNow: async () => (await keys.access.apiKey('hash'))?.key.status,
    disable: () =>
      keys.engine.write(async () => {
        status = 'inactive';
      }),
  };
}

describe('keys that are remembered', () => {
  test('are asked for once, and again after a change', async (t) => {
    const { asked, statusNow, disable } = slowKeys(t);
    const first = statusNow();
    asked[0]?.();
    assert.equal(await first, 'active');
    assert.equal(await statusNow(), 'active');
    assert.equal(asked.length, 1);
    await disable();
    const next = statusNow();
    asked[1]?.();
    assert.equal(await next, 'inactive');
  });

  test('are not what was read before a change and came after it', async (t) => {
    const { asked, statusNow, disable } = slowKeys(t);
    const early = statusNow();
    await disable();
    asked[0]?.();
    assert.equal(await early, 'active');
    const late = statusNow();
    asked[1]?.();
    assert.equal(await late, 'inactive');
  });
});

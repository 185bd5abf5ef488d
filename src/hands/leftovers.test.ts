import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { removeLeftovers } from './leftovers.ts';

const nowMs = Date.now();
const day = 24 * 3_600_000;

/** Files of three sessions: one is to be kept, one not, and one is in no database. */
function leftovers() {
  const directory = mkdtempSync(join(tmpdir(), 'anthill-leftovers-'));
  for (const id of ['sesn_kept', 'sesn_old', 'sesn_gone', 'other'])
    mkdirSync(join(directory, id), { recursive: true });
  utimesSync(join(directory, 'sesn_gone'), (nowMs - 2 * day) / 1000, (nowMs - 2 * day) / 1000);
  return {
    sessions: () => readdirSync(directory).filter((name) => name.startsWith('sesn_')),
    async remove(owner: string, goneBeforeMs: number | null, batch = 1): Promise<void> {
      const steps = removeLeftovers({
        directory,
        owner,
        forsaken: async (ids) =>
          ids.flatMap((id) => (id === 'sesn_kept' ? [] : [{ id, isGone: id === 'sesn_gone' }])),
        goneBeforeMs,
        release: async (id) => rmSync(join(directory, id), { recursive: true }),
        batch,
      });
      for await (const _ of steps);
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true }),
  };
}

describe('files that sandboxes left', () => {
  for (const batch of [1, 100]) {
    test(`are removed when nobody keeps them, of sessions that are gone once they are old: ${batch} at once`, async () => {
      using it = leftovers();
      await it.remove('org_1', nowMs - 3 * day, batch);
      assert.deepEqual(it.sessions(), ['sesn_gone', 'sesn_kept']);
      await it.remove('org_1', null, batch);
      assert.deepEqual(it.sessions(), ['sesn_gone', 'sesn_kept']);
      await it.remove('org_1', nowMs - day, batch);
      assert.deepEqual(it.sessions(), ['sesn_kept']);
    });
  }

  test('of sessions that another database may have are kept', async () => {
    using it = leftovers();
    await it.remove('org_1', nowMs - 3 * day);
    await it.remove('org_2', nowMs - day);
    assert.deepEqual(it.sessions(), ['sesn_gone', 'sesn_kept']);
    await it.remove('org_1', nowMs - day);
    assert.deepEqual(it.sessions(), ['sesn_kept']);
  });
});

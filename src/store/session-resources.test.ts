import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { CompiledQuery } from 'kysely';
import { birthOf, openSubject } from '../../test/contract/subject.ts';
import { archiveSession } from '../domain/session/lifecycle.ts';
import { openBlobFiles } from './blob-files.ts';
import { openBodies } from './bodies.ts';
import type { Engine } from './engines/engine.ts';
import { openSqlite } from './engines/sqlite.ts';
import { openStoreOn } from './open.ts';
import { build } from './tables.ts';

/** A store whose rows and queries can be seen. */
async function openSeen() {
  const directory = mkdtempSync(join(tmpdir(), 'anthill-store-'));
  const engine = openSqlite(':memory:');
  const queries: CompiledQuery<unknown>[] = [];
  const seen: Engine = {
    ...engine,
    read: {
      ...engine.read,
      all(query) {
        queries.push(query);
        return engine.read.all(query);
      },
    },
  };
  const subject = await openSubject((options) =>
    openStoreOn(seen, {
      bodies: openBodies(join(directory, 'blobs')),
      blobs: openBlobFiles(join(directory, 'files')),
      ...options,
    }),
  );
  return {
    ...subject,
    queries,
    tokens: () =>
      engine.read.all(build.selectFrom('repository_tokens').selectAll().orderBy('resource_id').compile()),
    plan: (query: CompiledQuery<unknown>) =>
      engine.read.all<{ detail: string }>(
        CompiledQuery.raw(`explain query plan ${query.sql}`, [...query.parameters]) as CompiledQuery<never>,
      ),
    async [Symbol.asyncDispose]() {
      await subject[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const born = (id: string) => [{ kind: 'created', session: birthOf({ id }) }] as const;
const row = (session_id: string, resource_id: string, sealed: string) => ({
  session_id,
  resource_id,
  sealed,
});
const renewed = { kind: 'renewed', resourceId: 'sesrsc_1', atUs: 1 } as const;

describe('tokens of repositories', () => {
  test('are kept beside the log from the birth of a session, replaced, and dropped with its archive', async () => {
    await using it = await openSeen();
    await it.log.create(born('sesn_1'), { tokens: { sesrsc_1: 'sealed 1', sesrsc_2: 'sealed 2' } });
    await it.log.create(born('sesn_2'), { tokens: { sesrsc_3: 'sealed 3' } });
    await it.log.create(born('sesn_3'));
    const others = [row('sesn_1', 'sesrsc_2', 'sealed 2'), row('sesn_2', 'sesrsc_3', 'sealed 3')];
    assert.deepEqual(await it.tokens(), [row('sesn_1', 'sesrsc_1', 'sealed 1'), ...others]);
    const tokens = { sesrsc_1: 'sealed 4' };
    await it.log.commit('sesn_1', () => ({ entries: [renewed], result: null, tokens }));
    assert.deepEqual(await it.tokens(), [row('sesn_1', 'sesrsc_1', 'sealed 4'), ...others]);
    assert.ok(!JSON.stringify(await it.records('sesn_1')).includes('sealed'));
    await it.decide('sesn_1', archiveSession);
    assert.deepEqual(await it.tokens(), [row('sesn_2', 'sesrsc_3', 'sealed 3')]);
    await it.log.remove('sesn_2', () => ({ entries: [], result: null }));
    assert.deepEqual(await it.tokens(), []);
  });

  test('of a session that is refused are not kept', async () => {
    await using it = await openSeen();
    const [created] = born('sesn_1');
    const session = { ...created.session, environmentId: 'env_0' };
    await assert.rejects(it.log.create([{ ...created, session }], { tokens: { sesrsc_1: 'sealed' } }));
    assert.deepEqual(await it.tokens(), []);
  });
});

describe('the sessions over a memory store', () => {
  test('are read from an index in the order of their list, however many others there are', async () => {
    await using it = await openSeen();
    const filters = { agentId: null, agentVersion: null, statuses: null, deploymentId: null };
    const window = { limit: 20, createdAt: {}, after: [7, 'sesn_7'], includeArchived: true } as const;
    for (const order of ['asc', 'desc'] as const) {
      await it.collections.sessions.page({ ...filters, ...window, order, memoryStoreId: 'memstore_1' }, 0);
      const query = it.queries.at(-1);
      assert.ok(query);
      const steps = (await it.plan(query)).map(({ detail }) => detail);
      assert.match(steps[0] ?? '', /SEARCH session_memory_stores USING .*INDEX .*\(memory_store_id=\?/);
      assert.match(steps[1] ?? '', /SEARCH sessions USING INDEX .*\(id=\?\)/);
      assert.equal(steps.length, 2, steps.join('; '));
    }
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatUs } from '../../src/base/timestamp.ts';
import type { SessionQuery } from '../../src/domain/collections.ts';
import { createMemoryStore } from '../../src/domain/memory-stores.ts';
import { archiveSession } from '../../src/domain/session/lifecycle.ts';
import type { SessionResource } from '../../src/protocol/session-resources.ts';
import { checkLog } from '../support/log-checks.ts';
import type { MakeStore, Subject } from './subject.ts';
import { assertBounds, assertPages, openSubject, refusal } from './subject.ts';

const atUs = 1_790_000_000_000_000;
const at = formatUs(atUs);

function attachedStore(id: string): SessionResource {
  return { type: 'memory_store', memory_store_id: id, access: 'read_write' };
}

function repository(id: string): SessionResource {
  const url = 'https://github.com/ants/hill';
  const times = { created_at: at, updated_at: at };
  return { id, type: 'github_repository', url, mount_path: `/workspace/${id}`, checkout: null, ...times };
}

async function insertStore(it: Subject, id: string): Promise<void> {
  await it.collections.memoryStores.insert(createMemoryStore({ name: id }, id, atUs));
}

/** What every implementation keeps to for the resources of sessions. */
export function sessionResourcesContract(make: MakeStore): void {
  test('what was attached is seen in the state, the session and the lists, and follows the log', async () => {
    await using it = await openSubject(make);
    await insertStore(it, 'memstore_1');
    const [first, second] = [repository('sesrsc_1'), attachedStore('memstore_1')];
    await it.create({ resources: [first, second] });
    const seen = async (...resources: readonly SessionResource[]) => {
      const state = await it.log.state('sesn_1');
      assert.ok(state);
      assert.deepEqual(state.resources, resources);
      checkLog(await it.records('sesn_1'), state);
      const session = await it.collections.sessions.get('sesn_1', atUs);
      assert.deepEqual(session?.resources, resources);
      assert.equal(session?.updated_at, formatUs(state.updatedAtUs));
      const [listed] = await it.collections.sessions.page(everything, atUs);
      assert.deepEqual(listed?.item, session);
    };
    await seen(first, second);
    await it.send('sesn_1', 'hello');
    await seen(first, second);
    const third = repository('sesrsc_3');
    const laterUs = it.clock.nowUs() + 5_000_000;
    const later = { updated_at: formatUs(laterUs) };
    await it.decide('sesn_1', (draft) => draft.append({ kind: 'attached', resource: third, atUs: laterUs }));
    await seen(first, second, third);
    await it.decide('sesn_1', (draft) =>
      draft.append({ kind: 'renewed', resourceId: 'sesrsc_1', atUs: laterUs }),
    );
    const renewed = { ...repository('sesrsc_1'), ...later };
    await seen(renewed, second, third);
    assert.equal((await it.collections.sessions.get('sesn_1', atUs))?.updated_at, later.updated_at);
    await it.decide('sesn_1', (draft) =>
      draft.append({ kind: 'detached', resourceId: 'sesrsc_3', atUs: laterUs }),
    );
    await seen(renewed, second);
    await it.decide('sesn_1', (draft) => {
      draft.append({ kind: 'attached', resource: third, atUs: laterUs });
      draft.append({ kind: 'detached', resourceId: 'sesrsc_1', atUs: laterUs });
    });
    await seen(second, third);
  });

  test('a session is not born with a memory store that is absent, archived or of another workspace', async () => {
    await using it = await openSubject(make);
    await insertStore(it, 'memstore_1');
    const other = it.workspace('wrkspc_2').collections.memoryStores;
    await other.insert(createMemoryStore({ name: 'Theirs' }, 'memstore_2', atUs));
    const born = (...ids: string[]) => it.create({ resources: ids.map(attachedStore) });
    await assert.rejects(born('memstore_1', 'memstore_0'), refusal('not_found'));
    await assert.rejects(born('memstore_1', 'memstore_2'), refusal('not_found'));
    await it.collections.memoryStores.change('memstore_1', (store) => ({ ...store, archived_at: at }));
    await assert.rejects(born('memstore_1'), refusal('invalid_request'));
    assert.deepEqual(await it.collections.sessions.page(everything, atUs), []);
    assert.equal(await it.log.state('sesn_1'), null);
    assert.deepEqual(it.commits, []);
  });

  test('sessions are found by their memory store, whatever became of it, until they are deleted', async () => {
    await using it = await openSubject(make);
    for (const id of ['memstore_1', 'memstore_2']) await insertStore(it, id);
    const pairs = [['memstore_1'], ['memstore_2'], ['memstore_2', 'memstore_1'], [], ['memstore_1']];
    for (const [index, ids] of pairs.entries()) {
      const createdAtUs = atUs + Math.floor(index / 2);
      await it.create({ id: `sesn_${index}`, resources: ids.map(attachedStore), createdAtUs });
    }
    const over = async (memoryStoreId: string, query: Partial<SessionQuery> = {}) => {
      const page = await it.collections.sessions.page({ ...everything, memoryStoreId, ...query }, atUs);
      return page.map(({ item }) => item.id);
    };
    assert.deepEqual(await over('memstore_1'), ['sesn_0', 'sesn_2', 'sesn_4']);
    assert.deepEqual(await over('memstore_2'), ['sesn_1', 'sesn_2']);
    assert.deepEqual(await over('memstore_0'), []);
    await it.decide('sesn_2', archiveSession);
    assert.deepEqual(await over('memstore_2', { includeArchived: false }), ['sesn_1']);
    assert.deepEqual(await over('memstore_1', { statuses: ['terminated'] }), ['sesn_2']);
    assert.deepEqual(await over('memstore_1', { agentId: 'agent_0' }), []);
    const { sessions } = it.workspace('wrkspc_2').collections;
    assert.deepEqual(await sessions.page({ ...everything, memoryStoreId: 'memstore_1' }, atUs), []);
    await it.collections.memoryStores.remove('memstore_1');
    const states = await Promise.all(
      ['sesn_0', 'sesn_2', 'sesn_4'].map((id) => it.collections.sessions.get(id, atUs)),
    );
    const expected = states.flatMap((item) => (item ? [item] : []));
    const fetch = (page: Pick<SessionQuery, 'limit' | 'order' | 'after' | 'createdAt'>) =>
      it.collections.sessions.page({ ...everything, ...page, memoryStoreId: 'memstore_1' }, atUs);
    await assertPages(fetch, expected);
    await assertBounds(
      fetch,
      expected.map((item, index) => ({ item, atUs: atUs + index })),
    );
    await it.log.remove('sesn_2', () => ({ entries: [], result: null }));
    assert.deepEqual(await over('memstore_1'), ['sesn_0', 'sesn_4']);
    assert.deepEqual(await over('memstore_2'), ['sesn_1']);
  });
}

const everything: SessionQuery = {
  limit: 1000,
  order: 'asc',
  after: null,
  createdAt: {},
  includeArchived: true,
  agentId: null,
  agentVersion: null,
  statuses: null,
  deploymentId: null,
  memoryStoreId: null,
};

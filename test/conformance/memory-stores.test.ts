import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { absent, all, bad } from '../support/sdk-calls.ts';
import type { Sent } from '../support/server-http.ts';
import { assertRefused, call } from '../support/server-http.ts';
import { openWorld } from '../support/server-memory.ts';
import { describeServer } from '../support/server-suite.ts';

describeServer('memory stores', ({ server, client }) => {
  describe('the beta value', () => {
    const path = '/v1/memory_stores';
    const sent = (beta: string | null): Sent => ({ path, headers: { 'anthropic-beta': beta } });
    const memoryBeta = 'agent-memory-2026-07-22';
    const managedBeta = 'managed-agents-2026-04-01';
    for (const beta of [memoryBeta, managedBeta, `${memoryBeta}, skills-2025-10-02`]) {
      test(`${beta} opens the endpoint`, async () => {
        assert.equal((await call(server, sent(beta))).status, 200);
      });
    }
    test('both values together are refused', async () => {
      const message = /anthropic-beta: .* cannot be sent together/;
      const expected = { status: 400, type: 'invalid_request_error', message };
      assertRefused(await call(server, sent(`${managedBeta},${memoryBeta}`)), expected);
      await assert.rejects(client.beta.memoryStores.list({ betas: [managedBeta] }), message);
    });
    for (const beta of [null, 'files-api-2025-04-14']) {
      test(`${beta ?? 'no value'} leads nowhere`, async () => {
        const expected = { status: 404, type: 'not_found_error', message: 'Not found' };
        assertRefused(await call(server, sent(beta)), expected);
      });
    }
    test('the one for memory opens nothing else', async () => {
      const expected = { status: 404, type: 'not_found_error', message: 'Not found' };
      assertRefused(await call(server, { ...sent(memoryBeta), path: '/v1/agents' }), expected);
    });
  });

  describe('a store', () => {
    test('is what it was created and updated to be; names need not be unique', async () => {
      const { stores } = await openWorld(client);
      const made = await stores.create({ name: 'Twin', metadata: { user: 'ada', team: 'blue' } });
      assert.deepEqual(made, {
        id: made.id,
        type: 'memory_store',
        name: 'Twin',
        description: '',
        metadata: { user: 'ada', team: 'blue' },
        created_at: made.created_at,
        updated_at: made.created_at,
        archived_at: null,
      });
      assert.match(made.id, /^memstore_01\w+$/);
      assert.notEqual((await stores.create({ name: 'Twin' })).id, made.id);
      const updated = await stores.update(made.id, {
        description: 'about ants',
        metadata: { team: null, mood: 'good' },
      });
      assert.deepEqual(updated, {
        ...made,
        description: 'about ants',
        metadata: { user: 'ada', mood: 'good' },
        updated_at: updated.updated_at,
      });
      assert.ok(updated.updated_at > made.updated_at);
      assert.deepEqual(await stores.update(made.id, { description: 'about ants' }), updated);
      assert.equal((await stores.update(made.id, { description: '' })).description, '');
    });

    test('does not change with its memories', async () => {
      const { stores, storeId, memory, at } = await openWorld(client);
      const earlier = await stores.retrieve(storeId);
      await stores.memories.update(memory.id, { ...at, content: 'second' });
      await stores.memories.delete(memory.id, at);
      assert.deepEqual(await stores.retrieve(storeId), earlier);
    });

    test('is listed newest first, page by page, archived ones on demand', async () => {
      const { stores } = await openWorld(client);
      const made: string[] = [];
      for (const name of ['a', 'b', 'c']) made.unshift((await stores.create({ name })).id);
      await stores.archive(made[1] ?? '');
      const ids = async (query: object) =>
        (await all(stores.list({ limit: 2, ...query }))).map(({ id }) => id);
      assert.deepEqual((await ids({})).slice(0, 2), [made[0], made[2]]);
      assert.deepEqual((await ids({ include_archived: true })).slice(0, 3), made);
      const { created_at } = await stores.retrieve(made[0] ?? '');
      assert.deepEqual(await ids({ 'created_at[gte]': created_at }), [made[0]]);
      assert.ok(!(await ids({ 'created_at[lte]': '2020-01-01T00:00:00Z' })).length);
    });

    test('is archived for good: it can be read and emptied, not written', async () => {
      const world = await openWorld(client);
      const { stores, storeId, memory, at } = world;
      await stores.memories.update(memory.id, { ...at, content: 'second' });
      const archived = await stores.archive(storeId);
      assert.equal(archived.updated_at, archived.archived_at);
      assert.deepEqual(await stores.archive(storeId), archived);
      const closed = bad(new RegExp(`cannot modify archived resource: memory store ${storeId}`));
      await assert.rejects(stores.update(storeId, { name: 'x' }), closed);
      await assert.rejects(stores.memories.create(storeId, { path: '/b', content: 'b' }), closed);
      await assert.rejects(stores.memories.update(memory.id, { ...at, content: 'x' }), closed);
      assert.equal((await stores.memories.retrieve(memory.id, at)).content, 'second');
      const redacted = await stores.memoryVersions.redact(memory.memory_version_id, at);
      assert.equal(redacted.content, null);
      await stores.memories.delete(memory.id, at);
      assert.deepEqual((await stores.memories.list(storeId)).data, []);
      assert.equal((await stores.memoryVersions.list(storeId)).data.length, 3);
      assert.equal((await stores.delete(storeId)).type, 'memory_store_deleted');
    });

    test('takes its memories and their versions along when it is deleted', async () => {
      const world = await openWorld(client);
      const { stores, storeId, memory, at } = world;
      const other = await openWorld(client);
      assert.deepEqual(await stores.delete(storeId), { id: storeId, type: 'memory_store_deleted' });
      const gone = absent(/^Memory store not found/);
      await assert.rejects(stores.delete(storeId), gone);
      await assert.rejects(stores.memories.retrieve(memory.id, at), gone);
      await assert.rejects(stores.memories.list(storeId), gone);
      await assert.rejects(stores.memories.update(memory.id, { ...at, content: 'x' }), gone);
      await assert.rejects(stores.memoryVersions.retrieve(memory.memory_version_id, at), gone);
      await assert.rejects(stores.memoryVersions.redact(memory.memory_version_id, at), gone);
      const elsewhere = absent(/^Memory not found/);
      await assert.rejects(stores.memories.retrieve(memory.id, other.at), elsewhere);
      assert.equal((await stores.memories.retrieve(other.memory.id, other.at)).content, 'first');
    });
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { all } from '../support/sdk-calls.ts';
import { openWorld } from '../support/server-memory.ts';
import { describeServer } from '../support/server-suite.ts';

describeServer('memory versions', ({ client }) => {
  test('record each change, newest first, with the key that made it', async () => {
    const { stores, storeId, memory, at } = await openWorld(client);
    await stores.memories.update(memory.id, { ...at, content: 'second' });
    await stores.memories.update(memory.id, { ...at, path: '/other' });
    await stores.memories.delete(memory.id, at);
    const versions = await all(stores.memoryVersions.list(storeId, { view: 'full', limit: 3 }));
    assert.deepEqual(
      versions.map(({ operation, path, content }) => [operation, path, content]),
      [
        ['deleted', '/other', null],
        ['modified', '/other', 'second'],
        ['modified', '/notes/todo.md', 'second'],
        ['created', '/notes/todo.md', 'first'],
      ],
    );
    const [actor, ...others] = versions.map(({ created_by }) => created_by);
    assert.ok(actor?.type === 'api_actor');
    assert.match(actor.api_key_id, /^apikey_/);
    for (const other of others) assert.deepEqual(other, actor);
    const count = async (query: object) => (await all(stores.memoryVersions.list(storeId, query))).length;
    assert.deepEqual(
      await Promise.all(
        [
          { memory_id: memory.id },
          { memory_id: 'mem_0' },
          { operation: 'modified' },
          { api_key_id: actor.api_key_id },
          { api_key_id: 'apikey_0' },
          { session_id: 'sesn_0' },
          { service_account_id: 'svac_0' },
          { 'created_at[gte]': versions[1]?.created_at },
          { 'created_at[lte]': versions[1]?.created_at },
        ].map(count),
      ),
      [4, 0, 2, 4, 0, 0, 0, 2, 3],
    );
    for (const version of await all(stores.memoryVersions.list(storeId))) assert.equal(version.content, null);
  });

  test('forget what they held when they are redacted, once and for all', async () => {
    const { stores, memory, at } = await openWorld(client);
    await stores.memories.update(memory.id, { ...at, content: 'second' });
    const id = memory.memory_version_id;
    const earlier = await stores.memoryVersions.retrieve(id, at);
    const redacted = await stores.memoryVersions.redact(id, at);
    assert.deepEqual(redacted, {
      ...earlier,
      path: null,
      content: null,
      content_sha256: null,
      content_size_bytes: null,
      redacted_at: redacted.redacted_at,
      redacted_by: earlier.created_by,
    });
    assert.ok(redacted.redacted_at);
    assert.deepEqual(await stores.memoryVersions.redact(id, at), redacted);
    assert.deepEqual(await stores.memoryVersions.retrieve(id, at), redacted);
    assert.equal((await stores.memories.retrieve(memory.id, at)).content, 'second');
  });
});

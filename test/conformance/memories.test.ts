import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { APIError } from '@anthropic-ai/sdk';
import { all, bad } from '../support/sdk-calls.ts';
import type { World } from '../support/server-memory.ts';
import {
  condition,
  everything,
  openWorld,
  sha256,
  staleType,
  taken,
  takenType,
} from '../support/server-memory.ts';
import { describeServer } from '../support/server-suite.ts';

describeServer('memories', ({ client }) => {
  describe('a memory', () => {
    const contents = ['', 'é🐜\u0000\r\n', 'e\u0301', 'é'.repeat(51_200)];
    for (const content of contents) {
      test(`keeps its content byte by byte: ${JSON.stringify(content.slice(0, 10))}`, async () => {
        const { stores, storeId, at } = await openWorld(client);
        const made = await stores.memories.create(storeId, { path: '/a/b.md', content });
        assert.deepEqual(made, {
          id: made.id,
          type: 'memory',
          memory_store_id: storeId,
          memory_version_id: made.memory_version_id,
          path: '/a/b.md',
          content: null,
          content_sha256: sha256(content),
          content_size_bytes: Buffer.byteLength(content),
          created_at: made.created_at,
          updated_at: made.created_at,
        });
        assert.match(`${made.id} ${made.memory_version_id}`, /^mem_01\w+ memver_01\w+$/);
        assert.deepEqual(await stores.memories.retrieve(made.id, at), { ...made, content });
        assert.deepEqual(await stores.memories.retrieve(made.id, { ...at, view: 'basic' }), made);
        const version = await stores.memoryVersions.retrieve(made.memory_version_id, at);
        assert.equal(version.content, content);
      });
    }

    for (const path of ['/A', '/notes/TODO.md', '/notes-archive/x', '/noteS', `/${'é'.repeat(511)}`]) {
      test(`may lie beside /notes/todo.md: ${path.slice(0, 20)}`, async () => {
        const { stores, storeId, at } = await openWorld(client);
        const { id } = await stores.memories.create(storeId, { path, content: '' });
        assert.equal((await stores.memories.retrieve(id, at)).path, path);
      });
    }

    test('keeps its id when it is renamed, also to below its own path', async () => {
      const world = await openWorld(client);
      const { stores, storeId, memory, at } = world;
      const renamed = await stores.memories.update(memory.id, { ...at, path: '/notes/todo.md/old' });
      assert.deepEqual(renamed, {
        ...memory,
        content: null,
        path: '/notes/todo.md/old',
        memory_version_id: renamed.memory_version_id,
        updated_at: renamed.updated_at,
      });
      const other = await stores.memories.create(storeId, { path: '/notes/new', content: '' });
      const rename = stores.memories.update(other.id, { ...at, path: '/notes/todo.md' });
      await assert.rejects(rename, taken(world, '/notes/todo.md/old'));
      await stores.memories.delete(memory.id, at);
      await stores.memories.update(other.id, { ...at, path: '/notes/todo.md' });
    });

    test('that already is what is asked for stays as it is, whatever the precondition', async () => {
      const world = await openWorld(client);
      const { stores, memory, at } = world;
      const same = { ...at, content: 'first', path: memory.path, view: 'full' as const };
      const earlier = await everything(world);
      const precondition = condition('other');
      assert.deepEqual(await stores.memories.update(memory.id, { ...same, precondition }), memory);
      assert.deepEqual(await everything(world), earlier);
    });

    test('that is deleted leaves its versions and frees its path', async () => {
      const { stores, storeId, memory, at } = await openWorld(client);
      const expected_content_sha256 = sha256('first');
      const deleted = await stores.memories.delete(memory.id, { ...at, expected_content_sha256 });
      assert.deepEqual(deleted, { id: memory.id, type: 'memory_deleted' });
      await assert.rejects(stores.memories.delete(memory.id, at), /Memory not found/);
      await stores.memories.create(storeId, { path: '/notes', content: '' });
      const versions = await all(stores.memoryVersions.list(storeId, { memory_id: memory.id }));
      assert.deepEqual(
        versions.map(({ operation, path, content_sha256 }) => [operation, path, content_sha256]),
        [
          ['deleted', memory.path, null],
          ['created', memory.path, sha256('first')],
        ],
      );
    });

    test('is one of at most 2000 in its store', async () => {
      const world = await openWorld(client);
      const { stores, storeId, memory, at } = world;
      for (let made = 1; made < 2000; made += 111) {
        const batch = Array.from({ length: Math.min(111, 2000 - made) }, (_, index) => `/${made + index}`);
        await Promise.all(batch.map((path) => stores.memories.create(storeId, { path, content: '' })));
      }
      const full = bad(/holds 2000 memories/);
      await assert.rejects(stores.memories.create(storeId, { path: '/more', content: '' }), full);
      await stores.memories.update(memory.id, { ...at, content: 'still possible' });
      await stores.memories.delete(memory.id, at);
      await stores.memories.create(storeId, { path: '/more', content: '' });
      assert.equal((await all(stores.memories.list(storeId, { limit: 100 }))).length, 2000);
    });
  });

  describe('two writers at once', () => {
    const outcomes = async (acts: readonly Promise<unknown>[]) =>
      (await Promise.allSettled(acts)).map((outcome) =>
        outcome.status === 'fulfilled' ? 'done' : (outcome.reason as APIError).type,
      );

    test('with the same precondition: one writes, the other is told', async () => {
      const { stores, storeId, memory, at } = await openWorld(client);
      const write = (content: string) =>
        stores.memories.update(memory.id, { ...at, content, precondition: condition('first') });
      const ended = await outcomes(['one', 'two', 'three'].map(write));
      assert.deepEqual(ended.toSorted(), ['done', staleType, staleType]);
      assert.equal((await stores.memoryVersions.list(storeId)).data.length, 2);
      const { content, memory_version_id } = await stores.memories.retrieve(memory.id, at);
      assert.equal(content, ['one', 'two', 'three'][ended.indexOf('done')]);
      assert.equal((await stores.memoryVersions.retrieve(memory_version_id, at)).content, content);
    });

    test('of overlapping paths: one memory is made', async () => {
      const { stores, storeId } = await openWorld(client);
      const paths = ['/x', '/x/y', '/x/y/z', '/x'];
      const ended = await outcomes(
        paths.map((path) => stores.memories.create(storeId, { path, content: '' })),
      );
      assert.equal(
        ended.filter((end) => end === 'done').length + ended.filter((end) => end === takenType).length,
        4,
      );
      const made = (await all(stores.memories.list(storeId))).map(({ path }) => path);
      assert.deepEqual(made, ['/notes/todo.md', ...paths.filter((_, index) => ended[index] === 'done')]);
    });

    test('a delete and an update of the same content: one of them wins', async () => {
      const { stores, memory, at } = await openWorld(client);
      const ended = await outcomes([
        stores.memories.delete(memory.id, { ...at, expected_content_sha256: sha256('first') }),
        stores.memories.update(memory.id, { ...at, content: 'x', precondition: condition('first') }),
      ]);
      assert.ok(
        ['done,not_found_error', `${staleType},done`].includes(ended.join()),
        `ended with ${ended.join()}`,
      );
    });
  });

  describe('a list of memories', () => {
    const paths = ['/a', '/b-c', '/b/1', '/b/2/x', '/b/2/y', '/b/3', '/b0', '/é/🐜', '/é"\\'];
    const cases: readonly (readonly [query: object, expected: readonly string[]])[] = [
      [{}, paths],
      [{ path_prefix: '/' }, paths],
      [{ path_prefix: '/b/' }, ['/b/1', '/b/2/x', '/b/2/y', '/b/3']],
      [{ path_prefix: '/none/' }, []],
      [{ depth: 1 }, ['/a', '/b-c', '/b/', '/b0', '/é"\\', '/é/']],
      [{ depth: 1, path_prefix: '/b/' }, ['/b/1', '/b/2/', '/b/3']],
      [{ depth: 1, path_prefix: '/b/2/' }, ['/b/2/x', '/b/2/y']],
    ];
    let world: World;
    before(async () => {
      world = await openWorld(client);
      const { stores, storeId, memory, at } = world;
      await stores.memories.delete(memory.id, at);
      for (const path of paths.toReversed()) await stores.memories.create(storeId, { path, content: path });
    });
    for (const [query, expected] of cases) {
      test(`${JSON.stringify(query)} shows the same by path, whatever the size of the pages`, async () => {
        const { stores, storeId } = world;
        const sorted = expected.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
        for (const limit of [1, 2, 3, 20]) {
          const items = await all(stores.memories.list(storeId, { ...query, limit }));
          assert.deepEqual(
            items.map(({ path }) => path),
            sorted,
          );
          for (const item of items) assert.equal(item.type === 'memory_prefix', item.path.endsWith('/'));
        }
      });
    }

    test('shows contents in the full view only', async () => {
      const { stores, storeId } = world;
      for (const view of ['basic', 'full'] as const) {
        for (const item of await all(stores.memories.list(storeId, { view }))) {
          assert.ok(item.type === 'memory');
          assert.equal(item.content, view === 'full' ? item.path : null);
          assert.equal(item.content_sha256, sha256(item.path));
        }
      }
    });
  });
});

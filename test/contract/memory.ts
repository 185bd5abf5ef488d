import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatUs } from '../../src/base/timestamp.ts';
import type { MemoryVersionQuery } from '../../src/domain/collections.ts';
import type { MemoryScene, MemoryWrite } from '../../src/domain/memories.ts';
import { createMemory, deleteMemory, redactVersion, updateMemory } from '../../src/domain/memories.ts';
import { createMemoryStore } from '../../src/domain/memory-stores.ts';
import type { MemoryListItem } from '../../src/protocol/memories.ts';
import type { Actor } from '../../src/protocol/memory-versions.ts';
import type { MakeStore, Subject } from './subject.ts';
import { assertBounds, assertPages, openSubject, refusal } from './subject.ts';

const atUs = 1_790_000_000_000_000;
const api: Actor = { type: 'api_actor', api_key_id: 'apikey_1' };
const measured = (content: string) => ({
  content,
  content_sha256: `sha of ${content}`,
  content_size_bytes: 1,
});

/** A store under test with an empty memory store, `memstore_1`. */
async function open(make: MakeStore) {
  const it = await openSubject(make);
  const { memoryStores, memories, memoryVersions } = it.collections;
  await memoryStores.insert(createMemoryStore({ name: 'Notes' }, 'memstore_1', atUs));
  return { ...it, memoryStores, memories, memoryVersions };
}

let versions = 0;
const moment = (actor: Actor = api, nowUs = atUs) => ({ nowUs, actor, versionId: `memver_${++versions}` });

function create(it: Pick<Subject, 'collections'>, id: string, path: string, storeId = 'memstore_1') {
  return it.collections.memories.write({ storeId, memoryId: id, path }, (scene) =>
    createMemory(scene, { path, content: measured(id) }, moment()),
  );
}

/** What every implementation of the memory collections keeps to. */
export function memoryContract(make: MakeStore): void {
  describe('memory stores', () => storesContract(make));
  describe('memories', () => memoriesContract(make));
  describe('memory lists', () => listsContract(make));
  describe('memory versions', () => versionsContract(make));
}

function storesContract(make: MakeStore): void {
  test('a store is found by who works on sessions, and its writes are counted', async () => {
    await using it = await open(make);
    const writes = async () => (await it.findMemories('memstore_1'))?.writes;
    assert.equal(await writes(), 0);
    await create(it, 'mem_1', '/a');
    assert.equal(await writes(), 1);
    const found = await it.findMemories('memstore_1');
    assert.equal((await found?.memories.get('memstore_1', 'mem_1'))?.path, '/a');
    const same = { storeId: 'memstore_1', memoryId: 'mem_1', path: null };
    const update = (text: string) => (scene: MemoryScene) =>
      updateMemory(scene, { content: measured(text) }, moment());
    await it.memories.write(same, update('mem_1'));
    assert.equal(await writes(), 1, 'nothing was changed');
    await it.memories.write(same, update('other'));
    await it.memoryStores.change('memstore_1', (store) => ({ ...store, name: 'Other' }));
    assert.equal(await writes(), 2);
    await it.memories.write(same, (scene) => deleteMemory(scene, undefined, moment()));
    assert.equal(await writes(), 3);
    await it.memoryStores.remove('memstore_1');
    assert.equal(await it.findMemories('memstore_1'), null);
  });

  test('a store takes its memories and their versions along, and no others', async () => {
    await using it = await open(make);
    await it.memoryStores.insert(createMemoryStore({ name: 'Notes' }, 'memstore_2', atUs));
    const [gone, kept] = [await create(it, 'mem_1', '/a'), await create(it, 'mem_2', '/a', 'memstore_2')];
    assert.equal(await it.memoryStores.remove('memstore_1'), true);
    assert.equal(await it.memoryStores.remove('memstore_1'), false);
    assert.equal(await it.memoryStores.get('memstore_1'), null);
    assert.equal(await it.memories.get('memstore_1', 'mem_1'), null);
    assert.equal(await it.memoryVersions.get('memstore_1', gone?.version?.id ?? ''), null);
    assert.deepEqual(await it.memories.get('memstore_2', 'mem_2'), kept?.memory);
    assert.deepEqual(await it.memoryVersions.get('memstore_2', kept?.version?.id ?? ''), kept?.version);
    assert.equal(await create(it, 'mem_1', '/a'), null, 'nothing is created in a store that is gone');
  });

  test('a change that returns the same object or throws writes nothing', async () => {
    await using it = await open(make);
    const before = await it.memoryStores.get('memstore_1');
    await it.memoryStores.change('memstore_1', (current) => Object.assign(current, { name: 'other' }));
    const failure = new Error('no');
    const refuse = () => {
      throw failure;
    };
    await assert.rejects(it.memoryStores.change('memstore_1', refuse), (cause) => cause === failure);
    assert.deepEqual(await it.memoryStores.get('memstore_1'), before);
    assert.equal(await it.memoryStores.change('memstore_0', refuse), null);
  });
}

function memoriesContract(make: MakeStore): void {
  const target = { storeId: 'memstore_1', memoryId: 'mem_1', path: null };

  test('a memory and its version are written together, or neither is', async () => {
    await using it = await open(make);
    const made = await create(it, 'mem_1', '/a');
    assert.deepEqual(await it.memories.get('memstore_1', 'mem_1'), made?.memory);
    assert.deepEqual(await it.memoryVersions.get('memstore_1', made?.version?.id ?? ''), made?.version);
    const failing = (scene: MemoryScene): MemoryWrite => {
      const write = updateMemory(scene, { content: measured('new') }, moment());
      // The id of a version that is there: its insert fails, so the memory must stay.
      return { ...write, version: made?.version ?? null };
    };
    await assert.rejects(it.memories.write(target, failing));
    assert.deepEqual(await it.memories.get('memstore_1', 'mem_1'), made?.memory);
    const unchanged = (scene: MemoryScene) => ({ memory: scene.memory, version: null });
    assert.deepEqual(await it.memories.write(target, unchanged), { memory: made?.memory, version: null });
  });

  test('the rule sees the memory, how many there are and what is in the way', async () => {
    await using it = await open(make);
    const paths = ['/a', '/b/c', '/b/c-d', '/b/cd/e', '/b0'];
    for (const [index, path] of paths.entries()) await create(it, `mem_${index}`, path);
    const blocked: readonly (readonly [path: string, by: string | null])[] = [
      ['/a', '/a'],
      ['/a/x/y', '/a'],
      ['/b', '/b/c'],
      ['/b/c', '/b/c'],
      ['/b/cd', '/b/cd/e'],
      ['/b/cd/e/f', '/b/cd/e'],
      ['/A', null],
      ['/b/c-', null],
      ['/b/d', null],
      ['/c', null],
    ];
    for (const [path, by] of blocked) {
      await it.memories.write({ storeId: 'memstore_1', memoryId: 'mem_new', path }, (scene) => {
        assert.deepEqual([scene.memory, scene.count], [null, paths.length]);
        assert.equal(scene.blocking?.path ?? null, by, path);
        assert.equal(scene.blocking?.id ?? null, by === null ? null : `mem_${paths.indexOf(by)}`);
        return { memory: null, version: null };
      });
    }
    await it.memories.write({ ...target, path: '/b/c/d' }, ({ blocking, memory }) => {
      assert.deepEqual([blocking, memory?.path], [null, '/b/c'], 'a memory is not in its own way');
      return { memory, version: null };
    });
  });

  test('of many that want overlapping paths at once, one gets its path', async () => {
    await using it = await open(make);
    const paths = ['/x/y', '/x', '/x/y/z', '/x/y'];
    const outcomes = await Promise.allSettled(paths.map((path, index) => create(it, `mem_${index}`, path)));
    const refused = outcomes.filter(({ status }) => status === 'rejected');
    assert.equal(refused.length, 3);
    for (const outcome of outcomes) {
      assert.ok(outcome.status === 'fulfilled' || refusal('memory_path_conflict')(outcome.reason));
    }
  });

  test('a deleted memory is gone, its versions are not, and its path is free', async () => {
    await using it = await open(make);
    await create(it, 'mem_1', '/a');
    await it.memories.write(target, (scene) => deleteMemory(scene, undefined, moment()));
    assert.equal(await it.memories.get('memstore_1', 'mem_1'), null);
    await create(it, 'mem_2', '/a');
    const all = await it.memoryVersions.page('memstore_1', every);
    assert.deepEqual(all.map(({ item }) => item.operation).toSorted(), ['created', 'created', 'deleted']);
  });
}

function listsContract(make: MakeStore): void {
  const names = ['a', 'a-', 'a0', 'b', 'é', '🐜'];
  const paths = names.flatMap((one, index) =>
    index % 2 === 0 ? [`/${one}`] : names.map((two) => `/${one}/${two}${two > 'b' ? '/deep' : ''}`),
  );
  const bytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

  test('show what lies below a prefix, by the bytes of the paths, whatever the size of the pages', async () => {
    await using it = await open(make);
    for (const path of paths) await create(it, `mem of ${path}`, path);
    for (const prefix of ['/', '/a-/', '/b/', '/a-/é/', '/none/']) {
      for (const depth of [0, 1, 2]) {
        const inside = paths.filter((path) => path.startsWith(prefix));
        const shown = inside.map((path) => {
          const parts = path.slice(prefix.length).split('/');
          if (depth === 0 || parts.length <= depth) return path;
          return `${prefix}${parts.slice(0, depth).join('/')}/`;
        });
        const expected = [...new Set(shown)].toSorted(bytes);
        for (const limit of [1, 2, 5, 100]) {
          const seen: MemoryListItem[] = [];
          for (;;) {
            const after = seen.at(-1)?.path ?? null;
            const query = { limit, after, prefix, depth, withContent: true };
            const page = await it.memories.page('memstore_1', query);
            if (page.length === 0) break;
            assert.ok(page.length <= limit && seen.length <= expected.length, 'the list ends');
            seen.push(...page.map(({ item }) => item));
          }
          assert.deepEqual(
            seen.map(({ path }) => path),
            expected,
            `${prefix} ${depth}, ${limit} a page`,
          );
          for (const item of seen) {
            assert.ok(item.type === 'memory_prefix' || item.content === `mem of ${item.path}`);
          }
        }
      }
    }
  });
}

const every: MemoryVersionQuery = {
  limit: 1000,
  order: 'asc',
  after: null,
  createdAt: {},
  memoryId: null,
  operation: null,
  sessionId: null,
  apiKeyId: null,
  serviceAccountId: null,
  withContent: true,
};

function versionsContract(make: MakeStore): void {
  test('are listed by time, whole or by memory, operation and actor', async () => {
    await using it = await open(make);
    const actors: readonly Actor[] = [
      api,
      { type: 'session_actor', session_id: 'sesn_1' },
      { type: 'service_account_actor', service_account_id: 'svac_1' },
      { type: 'user_actor', user_id: 'user_1' },
    ];
    await create(it, 'mem_0', '/0');
    for (const [index, actor] of actors.entries()) {
      const at = { ...moment(actor, atUs + index), versionId: `memver_x${index}` };
      const memoryId = `mem_${index % 2}`;
      const path = `/${index % 2}`;
      await it.memories.write({ storeId: 'memstore_1', memoryId, path }, (scene) =>
        scene.memory === null
          ? createMemory(scene, { path, content: measured('x') }, at)
          : updateMemory(scene, { content: measured(String(index)) }, at),
      );
    }
    const all = (await it.memoryVersions.page('memstore_1', every)).map(({ item }) => item);
    assert.equal(all.length, 5);
    const filters: readonly (readonly [Partial<MemoryVersionQuery>, (typeof all)[number]['id'][]])[] = [
      [{ memoryId: 'mem_1' }, ['memver_x1', 'memver_x3']],
      [{ operation: 'modified' }, ['memver_x0', 'memver_x2', 'memver_x3']],
      [{ sessionId: 'sesn_1' }, ['memver_x1']],
      [{ serviceAccountId: 'svac_1' }, ['memver_x2']],
      [{ apiKeyId: 'apikey_1', operation: 'modified' }, ['memver_x0']],
      [{ apiKeyId: 'apikey_0' }, []],
    ];
    for (const [filter, ids] of [[{}, all.map(({ id }) => id)] as const, ...filters]) {
      const expected = all.filter(({ id }) => ids.includes(id));
      await assertPages(
        (page) => it.memoryVersions.page('memstore_1', { ...every, ...filter, ...page }),
        expected,
      );
    }
    const timed = all.map((item) => ({ item, atUs: atUs + Number(/x(\d)$/.exec(item.id)?.[1] ?? 0) }));
    await assertBounds((page) => it.memoryVersions.page('memstore_1', { ...every, ...page }), timed);
    assert.deepEqual(await it.memoryVersions.page('memstore_0', every), []);
  });

  test('know whether a memory holds them, and what is redacted stays so', async () => {
    await using it = await open(make);
    const target = { storeId: 'memstore_1', memoryId: 'mem_1', path: null };
    const first = (await create(it, 'mem_1', '/a'))?.version;
    const firstId = first?.id ?? '';
    const redact = () =>
      it.memoryVersions.change('memstore_1', firstId, (version, isHead) =>
        redactVersion(version, isHead, { nowUs: atUs, actor: api }),
      );
    await assert.rejects(redact(), refusal('invalid_request'));
    assert.deepEqual(await it.memoryVersions.get('memstore_1', firstId), first);
    await it.memories.write(target, (scene) => updateMemory(scene, { content: measured('new') }, moment()));
    const redacted = await redact();
    assert.equal(redacted?.redacted_at, formatUs(atUs));
    assert.deepEqual([redacted?.content, redacted?.path, redacted?.redacted_by], [null, null, api]);
    assert.deepEqual(await redact(), redacted);
    assert.deepEqual(await it.memoryVersions.get('memstore_1', firstId), redacted);
    assert.equal(await it.memoryVersions.get('memstore_2', firstId), null, 'asked for in another store');
  });
}

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Refusal } from '../support/sdk-calls.ts';
import { absent, bad } from '../support/sdk-calls.ts';
import type { World } from '../support/server-memory.ts';
import { condition, everything, openWorld, sha256, stale, taken } from '../support/server-memory.ts';
import { describeServer } from '../support/server-suite.ts';

type Bad = readonly [name: string, act: (world: World) => Promise<unknown>, expected: Refusal];

const create =
  (path: string, content = 'x') =>
  (world: World) =>
    world.stores.memories.create(world.storeId, { path, content });
const update = (body: object) => (world: World) =>
  world.stores.memories.update(world.memory.id, { ...world.at, ...body });
const list = (query: object) => (world: World) => world.stores.memories.list(world.storeId, query);

const badStores: readonly Bad[] = [
  ['a store without a name', ({ stores }) => stores.create({ name: '' }), bad(/^name: must be at least 1/)],
  [
    'a name too long',
    ({ stores }) => stores.create({ name: 'é'.repeat(256) }),
    bad(/^name: must be at most 255/),
  ],
  [
    'a name with a control character',
    ({ stores }) => stores.create({ name: 'a\u0007' }),
    bad(/control characters/),
  ],
  [
    'a description too long',
    ({ stores }) => stores.create({ name: 'a', description: 'é'.repeat(1025) }),
    bad(/^description: must be at most 1024/),
  ],
  [
    'an update that says nothing',
    ({ stores, storeId }) => stores.update(storeId, {}),
    bad(/at least one of name, description, or metadata/),
  ],
  [
    'an update to no name',
    ({ stores, storeId }) => stores.update(storeId, { name: null }),
    bad(/^name: cannot be null/),
  ],
  [
    'an unknown store',
    ({ stores }) => stores.retrieve('memstore_0'),
    absent(/^Memory store not found: mems/),
  ],
  ['a delete of nothing', ({ stores }) => stores.delete('memstore_0'), absent(/^Memory store not found/)],
  ['an archive of nothing', ({ stores }) => stores.archive('memstore_0'), absent(/^Memory store not found/)],
  ['a page too large', ({ stores }) => stores.list({ limit: 101 }), bad(/^limit must be between 1 and 100/)],
  ['a made-up cursor', ({ stores }) => stores.list({ page: 'page_x' }), bad(/^page: invalid cursor/)],
];

const badMemories: readonly Bad[] = [
  ['a path without its slash', create('a.md'), bad(/^path: must start with \//)],
  ['the path of the root', create('/'), bad(/^path: must not have empty segments/)],
  ['a path with an empty segment', create('/a//b'), bad(/^path: must not have empty segments/)],
  ['a path that ends with a slash', create('/a/'), bad(/^path: must not have empty segments/)],
  ['a path that climbs', create('/a/../b'), bad(/^path: must not have a segment \. or \.\./)],
  ['a path that stays', create('/a/./b'), bad(/^path: must not have a segment \. or \.\./)],
  ['a path too deep', create('/a'.repeat(21)), bad(/^path: must have at most 20 segments/)],
  ['a path too long', create(`/${'é'.repeat(512)}`), bad(/^path: must be at most 1024 bytes/)],
  ['a control character', create('/a\tb'), bad(/^path: must not contain control characters/)],
  ['a format character', create('/a\u200db'), bad(/^path: must not contain control characters/)],
  ['a line separator', create('/a\u2028b'), bad(/^path: must not contain control characters/)],
  ['half a character', create('/a\ud800'), bad(/^path: must be valid Unicode/)],
  ['a path that is not composed', create('/e\u0301'), bad(/^path: must be in Unicode Normalization Form C/)],
  ['a content too large', create('/a', 'é'.repeat(51_201)), bad(/^content: must be at most 102400 bytes/)],
  ['half a character inside', create('/a', '\udc00'), bad(/^content: must be valid Unicode/)],
  [
    'a content that is null',
    ({ stores, storeId }) => stores.memories.create(storeId, { path: '/a', content: null }),
    bad(/^content: cannot be null/),
  ],
  ['an update that says nothing', update({}), bad(/at least one of content or path/)],
  [
    'an update that only has a precondition',
    update({ precondition: condition('first') }),
    bad(/at least one of content or path/),
  ],
  [
    'a precondition without its hash',
    update({ content: 'x', precondition: { type: 'content_sha256' } }),
    bad(/^precondition\.content_sha256: is required/),
  ],
  [
    'a precondition that is no hash',
    update({ content: 'x', precondition: { type: 'content_sha256', content_sha256: 'A'.repeat(64) } }),
    bad(/^precondition\.content_sha256: must be 64 lowercase hexadecimal characters/),
  ],
  ['a stale precondition', update({ content: 'x', precondition: condition('other') }), stale],
  ['a stale precondition of a rename', update({ path: '/x', precondition: condition('other') }), stale],
  [
    'a stale delete',
    ({ stores, memory, at }) =>
      stores.memories.delete(memory.id, { ...at, expected_content_sha256: sha256('other') }),
    stale,
  ],
  [
    'a delete expecting what is no hash',
    ({ stores, memory, at }) => stores.memories.delete(memory.id, { ...at, expected_content_sha256: 'abc' }),
    bad(/^expected_content_sha256: must be 64 lowercase/),
  ],
  ['a prefix without its slash', list({ path_prefix: '/notes' }), bad(/^path_prefix: must end with \//)],
  ['a relative prefix', list({ path_prefix: 'notes/' }), bad(/^path_prefix: must start with \//)],
  ['a depth of two', list({ depth: 2 }), bad(/depth: "2" is not a valid value; expected one of 0, 1/)],
  ['full pages too large', list({ view: 'full', limit: 21 }), bad(/^limit must be between 1 and 20/)],
  ['a page too large', list({ limit: 101 }), bad(/^limit must be between 1 and 100/)],
  [
    'an unknown memory',
    ({ stores, at }) => stores.memories.retrieve('mem_0', at),
    absent(/^Memory not found: mem_0/),
  ],
  [
    'an update of nothing',
    ({ stores, at }) => stores.memories.update('mem_0', { ...at, content: 'x' }),
    absent(/^Memory not found: mem_0/),
  ],
  [
    'a delete of nothing',
    ({ stores, at }) => stores.memories.delete('mem_0', at),
    absent(/^Memory not found: mem_0/),
  ],
  [
    'a memory in a store that is none',
    ({ stores }) => stores.memories.create('memstore_0', { path: '/a', content: '' }),
    absent(/^Memory store not found: memstore_0/),
  ],
  [
    'a memory of another store',
    async ({ stores, memory }) => {
      const other = await stores.create({ name: 'Other' });
      const act = stores.memories.retrieve(memory.id, { memory_store_id: other.id });
      return await act.finally(() => stores.delete(other.id));
    },
    absent(/^Memory not found: mem_/),
  ],
];

const badVersions: readonly Bad[] = [
  [
    'a redaction of what a memory holds',
    ({ stores, memory, at }) => stores.memoryVersions.redact(memory.memory_version_id, at),
    bad(/is what memory mem_\w+ holds now/),
  ],
  [
    'an unknown version',
    ({ stores, at }) => stores.memoryVersions.retrieve('memver_0', at),
    absent(/^Memory version not found: memver_0/),
  ],
  [
    'a redaction of nothing',
    ({ stores, at }) => stores.memoryVersions.redact('memver_0', at),
    absent(/^Memory version not found: memver_0/),
  ],
  [
    'versions of a store that is none',
    ({ stores }) => stores.memoryVersions.list('memstore_0'),
    absent(/^Memory store not found: memstore_0/),
  ],
  [
    'full pages too large',
    ({ stores, storeId }) => stores.memoryVersions.list(storeId, { view: 'full', limit: 21 }),
    bad(/^limit must be between 1 and 20/),
  ],
];

const takenPaths: readonly (readonly [name: string, path: string])[] = [
  ['a path that is taken', '/notes/todo.md'],
  ['a path above one that is taken', '/notes'],
  ['a path below one that is taken', '/notes/todo.md/one/two'],
];

describeServer('memory in bad requests', ({ client }) => {
  async function assertRefused(act: (world: World) => Promise<unknown>, expected: (world: World) => Refusal) {
    const world = await openWorld(client);
    const earlier = await everything(world);
    await assert.rejects(act(world), expected(world));
    assert.deepEqual(await everything(world), earlier);
  }

  for (const [noun, cases] of Object.entries({
    'memory store': badStores,
    memory: badMemories,
    'memory version': badVersions,
  })) {
    describe(`a bad request about a ${noun} is refused and changes nothing`, () => {
      for (const [name, act, expected] of cases) test(name, () => assertRefused(act, () => expected));
    });
  }
  for (const [name, path] of takenPaths) {
    test(`${name} is a conflict with the memory in the way`, () => assertRefused(create(path), taken));
  }
});

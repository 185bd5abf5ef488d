import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type Anthropic from '@anthropic-ai/sdk';
import { APIError } from '@anthropic-ai/sdk';
import type { ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import type { Expected, Sent } from '../support/server-http.ts';
import { assertRefused, call } from '../support/server-http.ts';

type Stores = Anthropic['beta']['memoryStores'];
type Memory = Awaited<ReturnType<Stores['memories']['retrieve']>>;
type World = {
  readonly stores: Stores;
  readonly storeId: string;
  /** `/notes/todo.md`, with the content "first". */
  readonly memory: Memory;
  /** What calls about it name: its store. */
  readonly at: { readonly memory_store_id: string };
};

const sha256 = (content: string) => createHash('sha256').update(content).digest('hex');
const condition = (content: string) => ({
  type: 'content_sha256' as const,
  content_sha256: sha256(content),
});

let server: ServerProcess;

/** A new store with one memory. */
async function openWorld(): Promise<World> {
  const stores = server.client.beta.memoryStores;
  const { id: storeId } = await stores.create({ name: 'Notes' });
  const memory = await stores.memories.create(storeId, {
    path: '/notes/todo.md',
    content: 'first',
    view: 'full',
  });
  return { stores, storeId, memory, at: { memory_store_id: storeId } };
}

async function all<T>(pages: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of pages) items.push(item);
  return items;
}

/** All that can be read of a store: two looks are equal when nothing was written in between. */
async function everything({ stores, storeId }: World): Promise<unknown> {
  return [
    await all(stores.list({ include_archived: true, limit: 100 })),
    await all(stores.memories.list(storeId, { view: 'full' })),
    await all(stores.memoryVersions.list(storeId, { view: 'full' })),
  ];
}

type Refused = Omit<Expected, 'message'> & {
  readonly message: RegExp;
  /** What stands in the error object besides its type and message. */
  readonly more?: (world: World) => object;
};
const bad = (message: RegExp): Refused => ({ status: 400, type: 'invalid_request_error', message });
const absent = (message: RegExp): Refused => ({ status: 404, type: 'not_found_error', message });
const stale: Refused = {
  status: 409,
  type: 'memory_precondition_failed_error',
  message: /does not have the expected content_sha256/,
};
const taken = (path = '/notes/todo.md'): Refused => ({
  status: 409,
  type: 'memory_path_conflict_error',
  message: /rename or delete that one, or update it/,
  more: ({ memory }) => ({ conflicting_memory_id: memory.id, conflicting_path: path }),
});

async function assertFails(act: Promise<unknown>, expected: Refused, world: World): Promise<void> {
  const cause = await act.then(
    () => assert.fail('was not refused'),
    (failure: unknown) => failure,
  );
  assert.ok(cause instanceof APIError, String(cause));
  assert.equal(cause.status, expected.status, cause.message);
  // Without this header the SDK would send each of these three times.
  assert.equal(cause.headers?.get('x-should-retry'), 'false');
  const { message, ...error } = (cause.error as { error: { message: string } }).error;
  assert.deepEqual(error, { type: expected.type, ...expected.more?.(world) });
  assert.match(message, expected.message);
}

type Bad = readonly [name: string, act: (world: World) => Promise<unknown>, expected: Refused];

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
  ['a path that is taken', create('/notes/todo.md'), taken()],
  ['a path above one that is taken', create('/notes'), taken()],
  ['a path below one that is taken', create('/notes/todo.md/one/two'), taken()],
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

describe('memory', () => {
  const home = serverHome();
  before(async () => {
    server = await home.start();
  });
  after(() => home.remove());

  for (const [noun, cases] of Object.entries({
    'memory store': badStores,
    memory: badMemories,
    'memory version': badVersions,
  })) {
    describe(`a bad request about a ${noun} is refused and changes nothing`, () => {
      for (const [name, act, expected] of cases) {
        test(name, async () => {
          const world = await openWorld();
          const earlier = await everything(world);
          await assertFails(act(world), expected, world);
          assert.deepEqual(await everything(world), earlier);
        });
      }
    });
  }
  describe('the beta value', betaValues);
  describe('a store', storeLife);
  describe('a memory', memoryLife);
  describe('two writers at once', writers);
  describe('a list of memories', lists);
  describe('versions', versionLife);

  test('nothing of this was logged as an error', () => {
    assert.deepEqual(server.errors(), []);
  });
});

function betaValues(): void {
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
    await assert.rejects(server.client.beta.memoryStores.list({ betas: [managedBeta] }), message);
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
}

function storeLife(): void {
  test('is what it was created and updated to be; names need not be unique', async () => {
    const { stores } = await openWorld();
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
    const { stores, storeId, memory, at } = await openWorld();
    const earlier = await stores.retrieve(storeId);
    await stores.memories.update(memory.id, { ...at, content: 'second' });
    await stores.memories.delete(memory.id, at);
    assert.deepEqual(await stores.retrieve(storeId), earlier);
  });

  test('is listed newest first, page by page, archived ones on demand', async () => {
    const { stores } = await openWorld();
    const made: string[] = [];
    for (const name of ['a', 'b', 'c']) made.unshift((await stores.create({ name })).id);
    await stores.archive(made[1] ?? '');
    const ids = async (query: object) => (await all(stores.list({ limit: 2, ...query }))).map(({ id }) => id);
    assert.deepEqual((await ids({})).slice(0, 2), [made[0], made[2]]);
    assert.deepEqual((await ids({ include_archived: true })).slice(0, 3), made);
    const { created_at } = await stores.retrieve(made[0] ?? '');
    assert.deepEqual(await ids({ 'created_at[gte]': created_at }), [made[0]]);
    assert.ok(!(await ids({ 'created_at[lte]': '2020-01-01T00:00:00Z' })).length);
  });

  test('is archived for good: it can be read and emptied, not written', async () => {
    const world = await openWorld();
    const { stores, storeId, memory, at } = world;
    await stores.memories.update(memory.id, { ...at, content: 'second' });
    const archived = await stores.archive(storeId);
    assert.equal(archived.updated_at, archived.archived_at);
    assert.deepEqual(await stores.archive(storeId), archived);
    const closed = bad(new RegExp(`cannot modify archived resource: memory store ${storeId}`));
    await assertFails(stores.update(storeId, { name: 'x' }), closed, world);
    await assertFails(stores.memories.create(storeId, { path: '/b', content: 'b' }), closed, world);
    await assertFails(stores.memories.update(memory.id, { ...at, content: 'x' }), closed, world);
    assert.equal((await stores.memories.retrieve(memory.id, at)).content, 'second');
    const redacted = await stores.memoryVersions.redact(memory.memory_version_id, at);
    assert.equal(redacted.content, null);
    await stores.memories.delete(memory.id, at);
    assert.deepEqual((await stores.memories.list(storeId)).data, []);
    assert.equal((await stores.memoryVersions.list(storeId)).data.length, 3);
    assert.equal((await stores.delete(storeId)).type, 'memory_store_deleted');
  });

  test('takes its memories and their versions along when it is deleted', async () => {
    const world = await openWorld();
    const { stores, storeId, memory, at } = world;
    const other = await openWorld();
    assert.deepEqual(await stores.delete(storeId), { id: storeId, type: 'memory_store_deleted' });
    const gone = absent(/^Memory store not found/);
    await assertFails(stores.delete(storeId), gone, world);
    await assertFails(stores.memories.retrieve(memory.id, at), gone, world);
    await assertFails(stores.memories.list(storeId), gone, world);
    await assertFails(stores.memories.update(memory.id, { ...at, content: 'x' }), gone, world);
    await assertFails(stores.memoryVersions.retrieve(memory.memory_version_id, at), gone, world);
    await assertFails(stores.memoryVersions.redact(memory.memory_version_id, at), gone, world);
    const elsewhere = absent(/^Memory not found/);
    await assertFails(stores.memories.retrieve(memory.id, other.at), elsewhere, world);
    assert.equal((await stores.memories.retrieve(other.memory.id, other.at)).content, 'first');
  });
}

function memoryLife(): void {
  const contents = ['', 'é🐜\u0000\r\n', 'e\u0301', 'é'.repeat(51_200)];
  for (const content of contents) {
    test(`keeps its content byte by byte: ${JSON.stringify(content.slice(0, 10))}`, async () => {
      const { stores, storeId, at } = await openWorld();
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
      const { stores, storeId, at } = await openWorld();
      const { id } = await stores.memories.create(storeId, { path, content: '' });
      assert.equal((await stores.memories.retrieve(id, at)).path, path);
    });
  }

  test('keeps its id when it is renamed, also to below its own path', async () => {
    const world = await openWorld();
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
    await assertFails(rename, taken('/notes/todo.md/old'), world);
    await stores.memories.delete(memory.id, at);
    await stores.memories.update(other.id, { ...at, path: '/notes/todo.md' });
  });

  test('that already is what is asked for stays as it is, whatever the precondition', async () => {
    const world = await openWorld();
    const { stores, memory, at } = world;
    const same = { ...at, content: 'first', path: memory.path, view: 'full' as const };
    const earlier = await everything(world);
    const precondition = condition('other');
    assert.deepEqual(await stores.memories.update(memory.id, { ...same, precondition }), memory);
    assert.deepEqual(await everything(world), earlier);
  });

  test('that is deleted leaves its versions and frees its path', async () => {
    const { stores, storeId, memory, at } = await openWorld();
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
    const world = await openWorld();
    const { stores, storeId, memory, at } = world;
    for (let made = 1; made < 2000; made += 111) {
      const batch = Array.from({ length: Math.min(111, 2000 - made) }, (_, index) => `/${made + index}`);
      await Promise.all(batch.map((path) => stores.memories.create(storeId, { path, content: '' })));
    }
    const full = bad(/holds 2000 memories/);
    await assertFails(stores.memories.create(storeId, { path: '/more', content: '' }), full, world);
    await stores.memories.update(memory.id, { ...at, content: 'still possible' });
    await stores.memories.delete(memory.id, at);
    await stores.memories.create(storeId, { path: '/more', content: '' });
    assert.equal((await all(stores.memories.list(storeId, { limit: 100 }))).length, 2000);
  });
}

function writers(): void {
  const outcomes = async (acts: readonly Promise<unknown>[]) =>
    (await Promise.allSettled(acts)).map((outcome) =>
      outcome.status === 'fulfilled' ? 'done' : (outcome.reason as APIError).type,
    );

  test('with the same precondition: one writes, the other is told', async () => {
    const { stores, storeId, memory, at } = await openWorld();
    const write = (content: string) =>
      stores.memories.update(memory.id, { ...at, content, precondition: condition('first') });
    const ended = await outcomes(['one', 'two', 'three'].map(write));
    assert.deepEqual(ended.toSorted(), ['done', stale.type, stale.type]);
    assert.equal((await stores.memoryVersions.list(storeId)).data.length, 2);
    const { content, memory_version_id } = await stores.memories.retrieve(memory.id, at);
    assert.equal(content, ['one', 'two', 'three'][ended.indexOf('done')]);
    assert.equal((await stores.memoryVersions.retrieve(memory_version_id, at)).content, content);
  });

  test('of overlapping paths: one memory is made', async () => {
    const { stores, storeId } = await openWorld();
    const paths = ['/x', '/x/y', '/x/y/z', '/x'];
    const ended = await outcomes(paths.map((path) => stores.memories.create(storeId, { path, content: '' })));
    assert.equal(
      ended.filter((end) => end === 'done').length + ended.filter((end) => end === taken().type).length,
      4,
    );
    const made = (await all(stores.memories.list(storeId))).map(({ path }) => path);
    assert.deepEqual(made, ['/notes/todo.md', ...paths.filter((_, index) => ended[index] === 'done')]);
  });

  test('a delete and an update of the same content: one of them wins', async () => {
    const { stores, memory, at } = await openWorld();
    const ended = await outcomes([
      stores.memories.delete(memory.id, { ...at, expected_content_sha256: sha256('first') }),
      stores.memories.update(memory.id, { ...at, content: 'x', precondition: condition('first') }),
    ]);
    assert.ok(
      ['done,not_found_error', `${stale.type},done`].includes(ended.join()),
      `ended with ${ended.join()}`,
    );
  });
}

function lists(): void {
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
    world = await openWorld();
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
}

function versionLife(): void {
  test('record each change, newest first, with the key that made it', async () => {
    const { stores, storeId, memory, at } = await openWorld();
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
    const { stores, memory, at } = await openWorld();
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
}

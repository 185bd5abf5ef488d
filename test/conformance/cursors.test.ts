import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { assertRefused, call } from '../support/server-http.ts';
import { bad } from '../support/server-refusals.ts';
import { openSession, say } from '../support/server-sessions.ts';
import { variable } from '../support/server-vaults.ts';

type Page = { readonly data: readonly { id: string }[]; next_page: string; prev_page: string };

/** Lists of a real server with at least three items each. */
async function fill({ client }: ServerProcess): Promise<string[]> {
  const { agents, vaults, memoryStores } = client.beta;
  const first = await openSession(client);
  for (let count = 0; count < 2; count++) await openSession(client);
  await agents.update(first.agent.id, { version: 1, name: 'Second' });
  await agents.update(first.agent.id, { version: 2, name: 'Third' });
  await say(client, first.id, 'hello');
  const [thread] = (await client.beta.sessions.threads.list(first.id)).data;
  const ids: { vault: string; store: string }[] = [];
  for (let count = 0; count < 3; count++) {
    const vault = await vaults.create({ display_name: 'Keys' });
    const store = await memoryStores.create({ name: 'Notes' });
    ids.push({ vault: vault.id, store: store.id });
  }
  const [{ vault, store } = { vault: '', store: '' }] = ids;
  for (const name of ['ONE', 'TWO', 'THREE']) {
    await vaults.credentials.create(vault, { auth: variable(name) });
    await memoryStores.memories.create(store, { path: `/ü/${name}`, content: name });
  }
  return [
    '/v1/agents',
    `/v1/agents/${first.agent.id}/versions`,
    '/v1/environments',
    '/v1/sessions',
    '/v1/sessions?order=asc',
    `/v1/sessions/${first.id}/events`,
    `/v1/sessions/${first.id}/threads/${thread?.id}/events`,
    '/v1/vaults',
    `/v1/vaults/${vault}/credentials`,
    '/v1/memory_stores',
    `/v1/memory_stores/${store}/memories`,
    `/v1/memory_stores/${store}/memory_versions`,
  ];
}

describe('cursors of a real server', () => {
  const home = serverHome();
  let server: ServerProcess;
  let lists: string[];
  before(async () => {
    server = await home.start();
    lists = await fill(server);
  });
  after(() => home.remove());

  const get = (list: string, query: string) =>
    call(server, { path: `${list}${list.includes('?') ? '&' : '?'}${query}` });

  async function pageOf(list: string, query: string): Promise<Page> {
    const { status, text, json } = await get(list, query);
    assert.equal(status, 200, text);
    return json as Page;
  }

  test('lead on after a restart, and with another limit', async () => {
    const firsts = new Map<string, Page>();
    for (const list of lists) firsts.set(list, await pageOf(list, 'limit=1'));
    await server.stop();
    server = await home.start();
    for (const [list, first] of firsts) {
      const whole = await pageOf(list, 'limit=100');
      const rest = await pageOf(list, `limit=99&page=${first.next_page}`);
      const ids = [...first.data, ...rest.data].map(({ id }) => id);
      assert.deepEqual(
        ids,
        whole.data.map(({ id }) => id),
        list,
      );
      assert.ok(ids.length >= 3, list);
    }
  });

  test('belong to their order', async () => {
    const { next_page: newest } = await pageOf('/v1/sessions', 'limit=1');
    const { next_page: oldest } = await pageOf('/v1/sessions', 'limit=1&order=asc');
    const { prev_page: back } = await pageOf('/v1/sessions', `limit=1&page=${newest}`);
    for (const [query, order] of [
      [`order=asc&page=${newest}`, 'desc'],
      [`order=asc&page=${back}`, 'desc'],
      [`order=desc&page=${oldest}`, 'asc'],
      [`page=${oldest}`, 'asc'],
    ] as const) {
      const expected = bad(`page: this cursor belongs to order ${order}`);
      assertRefused(await get('/v1/sessions', query), expected);
    }
  });

  test('make no sense with a time filter that excludes them', async () => {
    const { next_page: page } = await pageOf('/v1/sessions', 'limit=1');
    const expected = bad('page: the created_at filter excludes the position of this cursor');
    for (const bound of ['[gt]=2100-01-01T00:00:00Z', '[lt]=2020-01-01T00:00:00Z']) {
      assertRefused(await get('/v1/sessions', `page=${page}&created_at${bound}`), expected);
    }
  });

  test('are refused when they are changed, of another list or of another server', async () => {
    const other = serverHome();
    const stranger = await other.start();
    const changed = (cursor: string) => `${cursor.slice(0, -1)}${cursor.endsWith('A') ? 'B' : 'A'}`;
    try {
      for (const list of lists) {
        const { next_page: page } = await pageOf(list, 'limit=1');
        assertRefused(await get(list, `page=${changed(page)}`), bad('page: invalid cursor'));
        for (const elsewhere of lists) {
          if (elsewhere.split('?')[0] === list.split('?')[0]) continue;
          assertRefused(await get(elsewhere, `page=${page}`), bad('page: invalid cursor'));
        }
        const path = `${list}${list.includes('?') ? '&' : '?'}page=${page}`;
        assertRefused(await call(stranger, { path }), bad('page: invalid cursor'));
      }
    } finally {
      await other.remove();
    }
  });

  test('an older spelling of a session’s id is the same list', async () => {
    const list = lists.find((path) => path.endsWith('/events')) ?? '';
    const { next_page: page } = await pageOf(list, 'limit=1');
    await pageOf(list.replace('sesn_', 'session_'), `page=${page}`);
  });
});

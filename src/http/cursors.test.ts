import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fakeClock } from '../../test/support/clock.ts';
import { newId } from '../base/ids.ts';
import { silentLog } from '../base/log.ts';
import type { WindowQuery } from '../control/page.ts';
import { pageBothWays } from '../control/page.ts';
import type { PageQuery } from '../domain/collections.ts';
import type { Route } from '../protocol/route.ts';
import { routes } from '../protocol/routes.ts';
import { createApp } from './app.ts';
import type { Caller } from './auth.ts';
import { createCursors } from './cursors.ts';
import type { Handlers } from './handlers.ts';

const all: readonly Route[] = Object.values(routes);
/** Every list of the route table that has cursors. */
const lists = all.filter(({ paging }) => paging !== null && paging.kind !== 'ids');

/** The whole door before lists of the numbers from 1 to 5, whatever the path, at the key of one installation. */
function doorOf(key: string) {
  const handlers = new Proxy({} as Handlers, {
    get: () => (call: { query: WindowQuery }) =>
      pageBothWays(call.query, { limit: 2, order: 'asc' }, numbers),
  });
  return createApp({
    handlers: () => handlers,
    admission: {
      authenticate: callerOf,
      admit: ({ headers }) => callerOf(headers),
      async allow() {},
      record() {},
    },
    cursors: createCursors(key),
    isReady: () => true,
    metrics: { read: async () => '', isOpen: false },
    noticeAnswer() {},
    organizationId: '',
    version: '0',
    clock: fakeClock(),
    newId,
    log: silentLog,
  });
}

/** The key is the workspace. */
async function callerOf(headers: Headers): Promise<Caller> {
  const workspaceId = headers.get('x-api-key') ?? '';
  return {
    apiKeyId: '',
    workspaceId,
    isWorkspaceArchived: false,
    isAdmin: true,
    environmentId: null,
    item: null,
  };
}

async function numbers({ order, after, limit }: PageQuery) {
  const ordered = order === 'asc' ? [1, 2, 3, 4, 5] : [5, 4, 3, 2, 1];
  const from = after === null ? 0 : ordered.indexOf(after[0]) + 1;
  return ordered
    .slice(from, from + limit)
    .map((item) => ({ item, position: [item, `/notes/ü/${item}`] as const }));
}

const door = doorOf('a key');

type Asked = { readonly page?: string; readonly id?: string; readonly workspace?: string };

function ask({ path, query }: Route, { page, id = 'ant', workspace = 'wrkspc_1' }: Asked = {}, at = door) {
  const named = path.replace(/:\w+/g, id);
  const parameters = new URLSearchParams({
    ...(page === undefined ? {} : { page }),
    // What a report cannot do without.
    ...(query && 'starting_at' in query.shape ? { starting_at: '2026-01-01T00:00:00Z' } : {}),
  });
  const headers = {
    'x-api-key': workspace,
    'anthropic-version': '2023-06-01',
    'anthropic-beta': 'managed-agents-2026-04-01',
  };
  return at.fetch(new Request(`http://ants${named}?${parameters}`, { headers }));
}

type Page = { readonly data: number[]; readonly next_page: string; readonly prev_page: string };

async function pageOf(route: Route, asked: Asked = {}): Promise<Page> {
  const response = await ask(route, asked);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text);
}

async function assertInvalid(reply: Response | Promise<Response>, page: string): Promise<void> {
  const response = await reply;
  const text = await response.text();
  assert.equal(response.status, 400, `${page}: ${text}`);
  const { error } = JSON.parse(text);
  assert.deepEqual(error, { type: 'invalid_request_error', message: 'page: invalid cursor' });
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** The cursor with the character at `index` replaced, `step` further on in the alphabet. */
function changed(cursor: string, index: number, step: number): string {
  const at = alphabet.indexOf(cursor.charAt(index));
  const other = alphabet.charAt((at + step) % alphabet.length);
  return cursor.slice(0, index) + other + cursor.slice(index + 1);
}

test('there are lists to look at', () => {
  assert.ok(lists.length >= 11, `${lists.length} lists`);
});

describe('the cursors of a list', () => {
  for (const route of lists) {
    const name = `${route.method} ${route.path}`;

    test(`${name}: lead to its pages`, async () => {
      const first = await pageOf(route);
      const second = await pageOf(route, { page: first.next_page });
      const third = await pageOf(route, { page: second.next_page });
      assert.deepEqual([first.data, second.data, third.data], [[1, 2], [3, 4], [5]]);
      assert.deepEqual([first.prev_page, third.next_page], [null, null]);
      assert.deepEqual(await pageOf(route, { page: third.prev_page }), second);
    });

    test(`${name}: are refused when any character of them is another, or missing, or one too many`, async () => {
      const { next_page: cursor } = await pageOf(route);
      for (let index = 0; index < cursor.length; index++) {
        for (const page of [
          changed(cursor, index, 1),
          cursor.slice(0, index),
          cursor.slice(index + 1),
          `${cursor.slice(0, index)}${cursor.slice(index + 1)}`,
          `${cursor.slice(0, index)}A${cursor.slice(index)}`,
        ]) {
          await assertInvalid(ask(route, { page }), page);
        }
      }
      for (const page of [`${cursor}=`, `${cursor} `, `${cursor}\0`, ` ${cursor}`, '', 'é'.repeat(22)]) {
        await assertInvalid(ask(route, { page }), page);
      }
    });

    test(`${name}: are refused everywhere else`, async () => {
      const { next_page: page } = await pageOf(route);
      // The SDK has two names for some lists: with and without beta.
      const others = lists.filter(({ path }) => path !== route.path);
      for (const other of others) await assertInvalid(ask(other, { page }), `${page} at ${other.path}`);
      await assertInvalid(ask(route, { page, workspace: 'wrkspc_2' }), 'another workspace');
      await assertInvalid(ask(route, { page }, doorOf('another key')), 'another installation');
      if (route.path.includes(':')) await assertInvalid(ask(route, { page, id: 'bee' }), 'another parent');
    });
  }
});

test('no other character at any place of a cursor is as good', async () => {
  const cursors = createCursors('a key');
  const [route] = lists;
  assert.ok(route);
  const list = { workspaceId: 'wrkspc_1', route, params: {} };
  const { next_page: cursor } = cursors.sealed(list, { next_page: 'page_WyJhc2MiLDEsMV0' }) as Page;
  assert.deepEqual(cursors.opened(list, { page: cursor }), { page: 'page_WyJhc2MiLDEsMV0' });
  for (let index = 0; index < cursor.length; index++) {
    for (let step = 1; step < alphabet.length; step++) {
      const page = changed(cursor, index, step);
      assert.throws(() => cursors.opened(list, { page }), /page: invalid cursor/, page);
    }
  }
});

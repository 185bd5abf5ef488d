import assert from 'node:assert/strict';
import { isForWorkersOnly } from '../../src/http/worker-scope.ts';
import { requestHeaders } from '../../src/protocol/beta.ts';
import type { Route } from '../../src/protocol/route.ts';
import type { RouteKey } from '../../src/protocol/routes.ts';
import { routes } from '../../src/protocol/routes.ts';
import type { RawClient } from './raw-client.ts';

type Params = Readonly<Record<string, string>>;
type Item = Readonly<Record<string, unknown>>;
type Listing = { readonly key: RouteKey; readonly route: Route; readonly names: readonly string[] };

const atOnce = 8;

/**
 * Everything that a key can see: the items of every list, each got by its id as well, and what is listed below it.
 * All of it is what its schema says. A new route is walked without a line here. Returns how many items each list had.
 */
export async function walk(client: RawClient, headers: Readonly<Record<string, string>> = {}) {
  const counts = new Map<RouteKey, number>();

  async function get(route: Route, path: string): Promise<Item> {
    const sent = { ...requestHeaders(route), ...headers };
    const answer = await client.send({ method: 'GET', path, headers: sent, body: null, diesAfter: null });
    assert.equal(answer?.status, 200, `${path}: ${answer?.text}`);
    return JSON.parse(answer.text ?? '');
  }

  async function below(params: Params): Promise<void> {
    for (const { key, route, names } of listings) {
      if (names.length !== Object.keys(params).length || !names.every((name) => name in params)) continue;
      const items = await everyItem(route, (query) => get(route, `${filled(route.path, params)}?${query}`));
      counts.set(key, (counts.get(key) ?? 0) + items.length);
      await inTurn(items, (item) => visit(route, item, params));
    }
  }

  async function visit(route: Route, item: Item, params: Params): Promise<void> {
    route.response.parse(item);
    const one = retrieveOf(route);
    if (!one) return;
    const id = String(item['id'] ?? item['memory_store_id']);
    const own = { ...params, [one.name]: id };
    const got = await get(one.route, filled(one.route.path, own));
    one.route.response.parse(got);
    assert.equal(got['id'] ?? got['memory_store_id'], id);
    await below(own);
  }

  await below({});
  return counts;
}

async function inTurn<T>(items: readonly T[], visit: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const worker = async () => {
    for (const item of rest) await visit(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** Page by page. */
async function everyItem(route: Route, page: (query: URLSearchParams) => Promise<Item>): Promise<Item[]> {
  const items: Item[] = [];
  const shape = route.query?.shape ?? {};
  const query = new URLSearchParams({ limit: String(route.paging?.limitMax) });
  for (const name of ['include_archived', 'include_revoked', 'include_default']) {
    if (name in shape) query.set(name, 'true');
  }
  for (;;) {
    const { data, next_page: next, has_more: more, last_id: last } = await page(query);
    items.push(...(data as Item[]));
    if (typeof next === 'string') query.set('page', next);
    else if (more === true && typeof last === 'string') query.set('after_id', last);
    else return items;
  }
}

/** The SDK reaches some endpoints by two names. The report of usage lists nothing that has an id. */
const listings: readonly Listing[] = Object.entries(routes as Readonly<Record<string, Route>>)
  .filter(([, route]) => route.paging !== null && route.paging.kind !== 'report' && !isForWorkersOnly(route))
  .filter(
    ([, route], at, all) =>
      all.findIndex(([, { path }]) => path === route.path) ===
        all.findIndex(([, other]) => other === route) || at < 0,
  )
  .map(
    ([key, route]): Listing => ({
      // Its own keys.
      key: key as RouteKey,
      route,
      names: [...route.path.matchAll(/:(\w+)/g)].map(([, name = '']) => name),
    }),
  );

function retrieveOf(list: Route): { readonly route: Route; readonly name: string } | null {
  for (const route of Object.values(routes as Readonly<Record<string, Route>>)) {
    const rest = route.path.startsWith(`${list.path}/:`) ? route.path.slice(list.path.length + 2) : '/';
    if (route.method === 'GET' && !rest.includes('/')) return { route, name: rest.replace('{.+}', '') };
  }
  return null;
}

function filled(path: string, params: Params): string {
  return path.replace(/:(\w+)(\{\.\+\})?/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
}

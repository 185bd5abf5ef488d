import { parseUs } from '../base/timestamp.ts';
import type { PageQuery } from '../domain/collections.ts';
import type { Positioned } from '../domain/session/session-log.ts';
import type { Cursor } from '../protocol/cursor.ts';
import { decodeCursor, encodeCursor } from '../protocol/cursor.ts';
import { invalid } from '../protocol/refusal.ts';

/** The query parameters that windows of lists have in common, as parsed at the door. */
export type WindowQuery = {
  readonly limit?: number | undefined;
  readonly page?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
  readonly 'created_at[gt]'?: string | undefined;
  readonly 'created_at[gte]'?: string | undefined;
  readonly 'created_at[lt]'?: string | undefined;
  readonly 'created_at[lte]'?: string | undefined;
};

export type ListDefaults = { readonly limit: number; readonly order: 'asc' | 'desc' };
export type Page<T> = { data: T[]; next_page: string | null };
export type PageBothWays<T> = Page<T> & { prev_page: string | null };

type Fetch<T> = (query: PageQuery) => Promise<readonly Positioned<T>[]>;

/** One page forwards. One item more than asked for is fetched: it tells whether there is a next page. */
export async function pageOf<T>(
  query: WindowQuery,
  defaults: ListDefaults,
  fetch: Fetch<T>,
): Promise<Page<T>> {
  const { data, next_page } = await pageBothWays(query, defaults, fetch);
  return { data, next_page };
}

/**
 * One page with cursors both ways. A cursor holds the position it leaves from; one that leads back walks
 * the other way round from there and turns its page over, so that every page reads in list order.
 */
export async function pageBothWays<T>(
  query: WindowQuery,
  defaults: ListDefaults,
  fetch: Fetch<T>,
): Promise<PageBothWays<T>> {
  const order = query.order ?? defaults.order;
  const limit = query.limit ?? defaults.limit;
  const createdAt = timeBounds(query);
  const cursor = query.page === undefined ? null : decodeCursor(query.page, order);
  if (cursor) refuseExcluded(cursor, createdAt);
  const back = cursor?.back ?? false;
  const walk = back ? (order === 'asc' ? 'desc' : 'asc') : order;
  const rows = await fetch({ limit: limit + 1, order: walk, after: cursor?.position ?? null, createdAt });
  const shown = rows.slice(0, limit);
  const more = rows.length > limit;
  const items = back ? shown.toReversed() : shown;
  const to = (position: Cursor['position'] | undefined, goesBack: boolean) =>
    position === undefined ? null : encodeCursor({ order, position, back: goesBack });
  return {
    data: items.map(({ item }) => item),
    next_page: back || more ? to(items.at(-1)?.position, false) : null,
    prev_page: (back ? more : cursor !== null) ? to(items[0]?.position, true) : null,
  };
}

function timeBounds(query: WindowQuery): PageQuery['createdAt'] {
  const bounds: { gt?: number; gte?: number; lt?: number; lte?: number } = {};
  for (const bound of ['gt', 'gte', 'lt', 'lte'] as const) {
    const text = query[`created_at[${bound}]`];
    if (text === undefined) continue;
    const atUs = parseUs(text);
    if (atUs === null) throw invalid(`created_at[${bound}]: must be an RFC 3339 time`);
    bounds[bound] = atUs;
  }
  return bounds;
}

/** A filter that excludes the position a cursor stands at makes no sense with it (spec/README.md, Pagination). */
function refuseExcluded({ position: [atUs] }: Cursor, { gt, gte, lt, lte }: PageQuery['createdAt']): void {
  const excluded =
    (gt !== undefined && atUs <= gt) ||
    (gte !== undefined && atUs < gte) ||
    (lt !== undefined && atUs >= lt) ||
    (lte !== undefined && atUs > lte);
  if (excluded) throw invalid('page: the created_at filter excludes the position of this cursor');
}

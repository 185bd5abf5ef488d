import type { CompiledQuery, SelectQueryBuilder } from 'kysely';
import { sql } from 'kysely';
import type { PageQuery } from '../domain/collections.ts';
import type { Tables } from './tables.ts';

/**
 * One page by keyset: time bounds, then everything strictly behind `after` in order, then the limit.
 * `columns` are the sort time and the tie-breaker, both in one index.
 */
export function keyset<TB extends keyof Tables, O>(
  select: SelectQueryBuilder<Tables, TB, O>,
  columns: readonly [string, string],
  query: PageQuery,
): SelectQueryBuilder<Tables, TB, O> {
  return ordered(windowed(select, columns, query), columns, query);
}

/**
 * One page of several selections that have no row in common; `null` for none. Each walks its own stretch of an
 * index, only as far as the page needs, so that a filter costs the same however few rows it leaves.
 */
export function merged<TB extends keyof Tables, O>(
  parts: readonly SelectQueryBuilder<Tables, TB, O>[],
  columns: readonly [string, string],
  query: PageQuery,
): CompiledQuery<O> | null {
  const [first, ...others] = parts.map((part) => windowed(part, columns, query));
  if (!first) return null;
  const union = others.reduce((some, part) => some.unionAll(part), first);
  return ordered(union, columns, query).compile();
}

function ordered<TB extends keyof Tables, O>(
  select: SelectQueryBuilder<Tables, TB, O>,
  columns: readonly [string, string],
  { order, limit }: PageQuery,
): SelectQueryBuilder<Tables, TB, O> {
  const [time, tie] = columnsOf(columns);
  return select.orderBy(time, order).orderBy(tie, order).limit(limit);
}

function windowed<TB extends keyof Tables, O>(
  select: SelectQueryBuilder<Tables, TB, O>,
  columns: readonly [string, string],
  { createdAt: { gt, gte, lt, lte }, after, order }: PageQuery,
): SelectQueryBuilder<Tables, TB, O> {
  const [time, tie] = columnsOf(columns);
  // A bound that the cursor has passed is left out: of two on one side SQLite may begin its walk at the farther.
  const low = after !== null && order === 'asc' ? after[0] : -Infinity;
  const high = after !== null && order === 'desc' ? after[0] : Infinity;
  let page = select;
  if (gt !== undefined && gt >= low) page = page.where(time, '>', gt as never);
  if (gte !== undefined && gte > low) page = page.where(time, '>=', gte as never);
  if (lt !== undefined && lt <= high) page = page.where(time, '<', lt as never);
  if (lte !== undefined && lte < high) page = page.where(time, '<=', lte as never);
  if (after === null) return page;
  // One comparison of rows is where the walk begins; spelt out with `or` it would only be a filter on it.
  const beyond = sql.raw(order === 'asc' ? '>' : '<');
  return page.where(sql<boolean>`(${sql.ref(time)}, ${sql.ref(tie)}) ${beyond} (${after[0]}, ${after[1]})`);
}

/** Kysely cannot name "a column of TB" for a generic TB; the callers pass literals of their table. */
function columnsOf(columns: readonly [string, string]) {
  return columns as unknown as [never, never];
}

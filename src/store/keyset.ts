import type { ExpressionBuilder, SelectQueryBuilder } from 'kysely';
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
  // Kysely cannot name "a column of TB" for a generic TB; the callers pass literals of their table.
  const [time, tie] = columns as unknown as [never, never];
  const { createdAt, after, order } = query;
  let page = select;
  if (createdAt.gt !== undefined) page = page.where(time, '>', createdAt.gt as never);
  if (createdAt.gte !== undefined) page = page.where(time, '>=', createdAt.gte as never);
  if (createdAt.lt !== undefined) page = page.where(time, '<', createdAt.lt as never);
  if (createdAt.lte !== undefined) page = page.where(time, '<=', createdAt.lte as never);
  if (after !== null) {
    const beyond = order === 'asc' ? '>' : '<';
    page = page.where((where: ExpressionBuilder<Tables, TB>) =>
      where.or([
        where(time, beyond, after[0] as never),
        where.and([where(time, '=', after[0] as never), where(tie, beyond, after[1] as never)]),
      ]),
    );
  }
  return page.orderBy(time, order).orderBy(tie, order).limit(query.limit);
}

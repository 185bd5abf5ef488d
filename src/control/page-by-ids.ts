import { assert } from '../base/assert.ts';
import { parseUs } from '../base/timestamp.ts';
import type { PageQuery, Position } from '../domain/collections.ts';
import type { Positioned } from '../domain/session/session-log.ts';
import { invalid } from '../protocol/refusal.ts';

/** The window of a list of the organization: it begins behind one item, or ends before one. */
export type IdWindow = {
  readonly limit?: number | undefined;
  readonly after_id?: string | undefined;
  readonly before_id?: string | undefined;
  readonly order?: 'asc' | 'desc' | undefined;
};
export type IdPage<T> = { data: T[]; has_more: boolean; first_id: string | null; last_id: string | null };

type Source<T> = {
  /** Where an item of this list stands; `null`: it is not in it. */
  position(id: string): Promise<Position | null>;
  fetch(query: PageQuery): Promise<readonly Positioned<T>[]>;
};

const limitDefault = 20;

/** `before_id` walks the other way round and turns its page over, so that every page reads in list order. */
export async function pageByIds<T extends { readonly id: string }>(
  query: IdWindow,
  source: Source<T>,
): Promise<IdPage<T>> {
  const { limit = limitDefault, order = 'desc' } = query;
  if (query.after_id !== undefined && query.before_id !== undefined)
    throw invalid('only one of after_id and before_id can be given');
  const back = query.before_id !== undefined;
  const after = await startOf(query, source);
  const opposite = order === 'asc' ? 'desc' : 'asc';
  const walk = { limit: limit + 1, order: back ? opposite : order, after, createdAt: {} } as const;
  const rows = await source.fetch(walk);
  const shown = rows.slice(0, limit).map(({ item }) => item);
  const data = back ? shown.toReversed() : shown;
  return {
    data,
    has_more: rows.length > limit,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
  };
}

async function startOf<T>({ after_id, before_id }: IdWindow, source: Source<T>): Promise<Position | null> {
  const id = after_id ?? before_id;
  if (id === undefined) return null;
  const position = await source.position(id);
  if (position) return position;
  throw invalid(
    `${after_id === undefined ? 'before_id' : 'after_id'}: nothing in this list has the id ${id}`,
  );
}

/** Of a document in a list by time of creation. */
export function positionOf(document: { id: string; created_at: string } | null): Position | null {
  if (!document) return null;
  const atUs = parseUs(document.created_at);
  assert(atUs !== null, 'documents carry times that we wrote');
  return [atUs, document.id];
}

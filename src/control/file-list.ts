import type { Clock } from '../base/clock.ts';
import type { FileQuery, Files, Position } from '../domain/collections.ts';
import { filesBeta, managedAgentsBeta } from '../protocol/beta.ts';
import type { FileMetadata } from '../protocol/files.ts';
import { fileIdsMax } from '../protocol/files.ts';
import { invalid } from '../protocol/refusal.ts';
import type { QueryOf } from '../protocol/routes.ts';
import type { Page } from './page.ts';
import { pageOf } from './page.ts';

export type FileListQuery = QueryOf<'files list'> & {
  readonly after_id?: string;
  readonly before_id?: string;
};

/** The older list tells ids instead of a cursor; clients of either read what they know. */
export type FilePage =
  | Page<FileMetadata>
  | (Page<FileMetadata> & {
      readonly has_more: boolean;
      readonly first_id: string | null;
      readonly last_id: string | null;
    });

export type FileListDeps = { readonly files: Files; readonly clock: Clock };

const defaults = { limit: 20, order: 'desc' } as const;

/** Newest first. SDKs before files were generally available name their beta and page by ids. */
export async function listFiles(
  { files, clock }: FileListDeps,
  query: FileListQuery,
  betas: readonly string[],
): Promise<FilePage> {
  const isOld = betas.includes(filesBeta);
  checkQuery(query, betas);
  const nowUs = clock.nowUs();
  const scopeId = query.scope_id?.replace(/^session_/, 'sesn_') ?? null;
  const filter = { scopeId, nowUs, ids: query.ids === undefined ? null : idsOf(query.ids) };
  if (filter.ids !== null) return shown(await named(files, filter), false, isOld);
  const from = query.after_id ?? query.before_id;
  if (from === undefined) {
    const page = await pageOf(query, defaults, (window) => files.page({ ...window, ...filter }));
    return shown(page, page.next_page !== null, isOld);
  }
  const after = await files.position(from);
  const name = query.after_id === undefined ? 'before_id' : 'after_id';
  if (!after) throw invalid(`${name}: File \`${from}\` not found.`);
  return await aside(files, filter, { limit: query.limit ?? defaults.limit, after, name });
}

function checkQuery(query: FileListQuery, betas: readonly string[]): void {
  if (query.scope_id !== undefined && !betas.includes(managedAgentsBeta)) {
    throw invalid(`scope_id: needs the value ${managedAgentsBeta} in the anthropic-beta header`);
  }
  for (const name of ['after_id', 'before_id'] as const) {
    if (query[name] !== undefined && query.page !== undefined)
      throw invalid(`${name}: cannot be combined with page`);
  }
  if (query.after_id !== undefined && query.before_id !== undefined) {
    throw invalid('after_id: cannot be combined with before_id');
  }
  if (query.ids === undefined) return;
  for (const name of ['page', 'limit', 'after_id', 'before_id'] as const) {
    if (query[name] !== undefined) throw invalid(`ids: cannot be combined with ${name}`);
  }
}

function idsOf(ids: readonly string[]): readonly string[] {
  const unique = [...new Set(ids)];
  if (unique.length > fileIdsMax) throw invalid(`ids: must contain at most ${fileIdsMax} items`);
  return unique;
}

type Filter = Pick<FileQuery, 'scopeId' | 'ids' | 'nowUs'>;

async function named(files: Files, filter: Filter): Promise<Page<FileMetadata>> {
  const window = { limit: fileIdsMax, order: 'desc', after: null, createdAt: {} } as const;
  const rows = await files.page({ ...window, ...filter });
  return { data: rows.map(({ item }) => item), next_page: null };
}

type Aside = {
  readonly limit: number;
  readonly after: Position;
  readonly name: 'after_id' | 'before_id';
};

/** The page on one side of a file; whether there are more is said of that side. */
async function aside(files: Files, filter: Filter, { limit, after, name }: Aside): Promise<FilePage> {
  const order = name === 'after_id' ? 'desc' : 'asc';
  const rows = await files.page({ limit: limit + 1, order, after, createdAt: {}, ...filter });
  const near = rows.slice(0, limit).map(({ item }) => item);
  const data = order === 'asc' ? near.toReversed() : near;
  return shown({ data, next_page: null }, rows.length > limit, true);
}

function shown(page: Page<FileMetadata>, hasMore: boolean, isOld: boolean): FilePage {
  if (!isOld) return page;
  const { data } = page;
  return { ...page, has_more: hasMore, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
}

import { CompiledQuery } from 'kysely';
import type { Blobs } from '../../domain/blobs.ts';
import { archivePageRows } from '../../domain/limits.ts';
import type { Sql } from '../engines/engine.ts';

/** The SHA-256 of all content of files and skills, in order. */
export async function* namedContents(sql: Sql): AsyncGenerator<string> {
  for (let after = ''; ; ) {
    const page = await sql.all(contentsAfter(after));
    for (const { sha256 } of page) yield sha256;
    const last = page.at(-1);
    if (!last) return;
    after = last.sha256;
  }
}

function contentsAfter(after: string): CompiledQuery<{ sha256: string }> {
  const of = (table: string) =>
    `select sha256 from (select distinct sha256 from ${table} where sha256 > ? order by sha256 limit ?) as ${table}`;
  const text = `${of('files')} union ${of('skill_versions')} order by sha256 limit ?`;
  const limit = archivePageRows;
  const query: CompiledQuery<unknown> = CompiledQuery.raw(text, [after, limit, after, limit, limit]);
  return query as CompiledQuery<{ sha256: string }>;
}

export class MissingContent extends Error {}

/** Content that a row names. Rejects with `MissingContent`. */
export async function* reading(blobs: Blobs, sha256: string): AsyncGenerator<Uint8Array> {
  try {
    yield* blobs.read(sha256);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new MissingContent(`the content ${sha256} is missing`, { cause });
  }
}

/** Files of a session's sandbox, as the database has them. */
export type KeptSnapshot = {
  readonly id: string;
  readonly generation: number;
  readonly sha256: string;
  readonly created_at_us: number;
};

export const keptSnapshots = (sql: Sql) =>
  byId<KeptSnapshot>(sql, {
    columns: 'session_id as id, generation, sha256, created_at_us',
    table: 'session_snapshots',
    key: 'session_id',
  });

export const sessionsOf = (sql: Sql) =>
  byId<{ readonly id: string }>(sql, { columns: 'id', table: 'sessions', key: 'id' });

async function* byId<Item extends { readonly id: string }>(
  sql: Sql,
  { columns, table, key }: { readonly columns: string; readonly table: string; readonly key: string },
): AsyncGenerator<Item> {
  const text = `select ${columns} from ${table} where ${key} > ? order by ${key} limit ?`;
  for (let after = ''; ; ) {
    const page = await sql.all(CompiledQuery.raw(text, [after, archivePageRows]) as CompiledQuery<Item>);
    yield* page;
    const last = page.at(-1);
    if (!last) return;
    after = last.id;
  }
}

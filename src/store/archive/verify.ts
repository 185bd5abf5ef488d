import { createHash } from 'node:crypto';
import type { Blobs } from '../../domain/blobs.ts';
import { createContentRows } from '../content-rows.ts';
import type { Sql } from '../engines/engine.ts';
import type { OpenAlone } from '../open-alone.ts';
import type { Amount } from './counts.ts';
import type { Tally } from './format.ts';
import { countRow, lineOf, newCount } from './format.ts';
import { movedTables } from './moved-tables.ts';
import { keptSnapshots, namedContents, reading } from './named-content.ts';
import { readRows } from './rows.ts';

export type Imported = OpenAlone & {
  readonly sql: Sql;
  readonly tally: Tally;
  readonly told: (amount: Amount) => void;
};

/** Reads back all that an archive has brought: throws where something is not what it says. */
export async function requireAll(imported: Imported): Promise<void> {
  const { engine, clock, files, sql, tally } = imported;
  const amount = { rows: 0, contents: 0, bytes: 0 };
  await requireRows(imported, amount);
  const blobs = files ?? createContentRows({ ...engine, read: sql }, clock).blobs;
  const place = { blobs, amount, told: imported.told };
  await requireContents(place, { sha256s: namedContents(sql), said: tally.contents });
  // Those of sandboxes that were unpacked lie in their directories.
  if (files === null) await requireContents(place, { sha256s: hashesOf(sql), said: tally.workspaces });
}

type Counting = { rows: number; contents: number; bytes: number };

async function requireRows({ sql, bodies, tally, told }: Imported, amount: Counting): Promise<void> {
  for (const table of movedTables) {
    const count = newCount();
    for await (const row of readRows(sql, table, bodies)) {
      const line = lineOf(row);
      countRow(count, line);
      amount.rows += 1;
      amount.bytes += line.length;
      told(amount);
    }
    const said = tally.tables[table.name];
    if (count.rows === said?.rows && count.hash.digest('hex') === said.sha256) continue;
    throw new Error(`the rows of ${table.name} are not what the archive has`);
  }
}

type ContentsToRead = {
  readonly blobs: Blobs;
  readonly amount: Counting;
  readonly told: (amount: Amount) => void;
};

async function requireContents(
  { blobs, amount, told }: ContentsToRead,
  {
    sha256s,
    said,
  }: { readonly sha256s: AsyncIterable<string>; readonly said: { count: number; bytes: number } },
): Promise<void> {
  const found = { count: 0, bytes: 0 };
  for await (const sha256 of sha256s) {
    const hash = createHash('sha256');
    for await (const chunk of reading(blobs, sha256)) {
      hash.update(chunk);
      found.bytes += chunk.byteLength;
      amount.bytes += chunk.byteLength;
      told(amount);
    }
    if (hash.digest('hex') !== sha256) throw new Error(`the content ${sha256} is not what the archive has`);
    found.count += 1;
    amount.contents += 1;
  }
  if (found.count !== said.count || found.bytes !== said.bytes)
    throw new Error('the contents are not as many as the archive has');
}

async function* hashesOf(sql: Sql): AsyncGenerator<string> {
  for await (const { sha256 } of keptSnapshots(sql)) yield sha256;
}

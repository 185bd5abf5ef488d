import { createHash } from 'node:crypto';
import { CompiledQuery } from 'kysely';
import { formatUs } from '../../base/timestamp.ts';
import type { Blobs } from '../../domain/blobs.ts';
import { createContentRows } from '../content-rows.ts';
import type { Sql } from '../engines/engine.ts';
import { schemaOfData, schemaVersion } from '../migrations.ts';
import type { OpenAlone } from '../open-alone.ts';
import { refuseUnfinishedImport } from '../unfinished-import.ts';
import type { Amount } from './counts.ts';
import type { Tally } from './format.ts';
import { archiveFormat, countRow, lineOf, newCount } from './format.ts';
import { packLines } from './lines.ts';
import { movedTables } from './moved-tables.ts';
import type { KeptSnapshot } from './named-content.ts';
import { keptSnapshots, MissingContent, namedContents, reading, sessionsOf } from './named-content.ts';
import { readRows } from './rows.ts';

/** The files of a session's sandbox, packed. */
export type PackedWorkspace = {
  readonly sessionId: string;
  readonly generation: number;
  readonly createdAtUs: number;
  readonly content: AsyncIterable<Uint8Array>;
};

export type ExportOptions = {
  readonly version: string;
  readonly nowUs: number;
  /** Of the key that secrets are sealed with; null: of the database's own identity. */
  readonly masterKeyCheck: string | null;
  /** Where files of sandboxes lie in directories; null: in the database. */
  readonly pack: ((sessionId: string) => Promise<PackedWorkspace | null>) | null;
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** Told again and again how much has been written. */
  readonly told: (amount: Amount) => void;
};

/** Everything durable of a store, of one moment, as an archive; see format.ts. What it has, counted. */
export async function exportArchive(from: OpenAlone, options: ExportOptions): Promise<Tally> {
  return await from.engine.snapshot(async (sql) => {
    await requireSchema(sql);
    const tally = { tables: {}, contents: { count: 0, bytes: 0 }, workspaces: { count: 0, bytes: 0 } };
    const blobs = from.files ?? createContentRows({ ...from.engine, read: sql }, from.clock).blobs;
    const lines = ended({ ...options, sql, bodies: from.bodies, blobs, tally });
    for await (const bytes of packLines(lines)) await options.write(bytes);
    return tally;
  });
}

async function requireSchema(sql: Sql): Promise<void> {
  const version = await schemaOfData(sql);
  await refuseUnfinishedImport(sql, version);
  if (version === schemaVersion) return;
  if (version === 0) throw new Error('there is no data of an Anthill server in this database');
  throw new Error(
    `the database has schema ${version} and this Anthill schema ${schemaVersion}; export it with the Anthill that its servers run`,
  );
}

type Part = Omit<ExportOptions, 'write'> & {
  readonly sql: Sql;
  readonly bodies: OpenAlone['bodies'];
  readonly blobs: Blobs;
  readonly tally: {
    tables: Record<string, { rows: number; sha256: string }>;
    contents: { count: number; bytes: number };
    workspaces: { count: number; bytes: number };
  };
};

async function* ended(part: Part): AsyncGenerator<string> {
  const hash = createHash('sha256');
  let [rows, bytes] = [0, 0];
  for await (const line of sections(part)) {
    hash.update(line);
    bytes += line.length;
    rows += Number(line.startsWith('['));
    const { contents, workspaces } = part.tally;
    part.told({ rows, contents: contents.count + workspaces.count, bytes });
    yield line;
  }
  yield lineOf({ end: part.tally, sha256: hash.digest('hex') });
}

async function* sections(part: Part): AsyncGenerator<string> {
  yield lineOf(await headOf(part));
  for (const table of movedTables) {
    yield lineOf({ table: table.name, columns: table.columns });
    const count = newCount();
    for await (const row of readRows(part.sql, table, part.bodies)) {
      const line = lineOf(row);
      countRow(count, line);
      yield line;
    }
    part.tally.tables[table.name] = { rows: count.rows, sha256: count.hash.digest('hex') };
  }
  yield* contents(part);
  yield* workspaces(part);
}

async function headOf({ sql, version, nowUs, masterKeyCheck }: Part) {
  const check = masterKeyCheck ?? (await checkOfDatabase(sql));
  return {
    archive: 'anthill',
    format: archiveFormat,
    schema: schemaVersion,
    version,
    created_at: formatUs(nowUs),
    sealed_rows: await sealedRows(sql),
    master_key_check: check,
  };
}

async function checkOfDatabase(sql: Sql): Promise<string | null> {
  const query = CompiledQuery.raw("select value from identity where name = 'master_key_check'");
  const [row] = await sql.all(query as CompiledQuery<{ value: string }>);
  return row?.value ?? null;
}

async function sealedRows(sql: Sql): Promise<number> {
  const holders = movedTables.filter(({ columns }) => columns.includes('sealed'));
  let count = 0;
  for (const { name } of holders) {
    const text = `select count(*) as count from "${name}" where sealed <> '{}'`;
    const [row] = await sql.all(CompiledQuery.raw(text) as CompiledQuery<{ count: number }>);
    count += Number(row?.count ?? 0);
  }
  return count;
}

async function* contents({ sql, blobs, tally }: Part): AsyncGenerator<string> {
  for await (const sha256 of namedContents(sql)) {
    yield lineOf({ content: sha256 });
    tally.contents.count += 1;
    yield* pieces(exported(blobs, sha256), tally.contents);
  }
}

async function* exported(blobs: Blobs, sha256: string): AsyncGenerator<Uint8Array> {
  try {
    yield* reading(blobs, sha256);
  } catch (cause) {
    if (!(cause instanceof MissingContent)) throw cause;
    throw new Error(`${cause.message}; if a file was deleted meanwhile, export again`, { cause });
  }
}

async function* workspaces(part: Part): AsyncGenerator<string> {
  const { tally } = part;
  for await (const { sessionId, generation, createdAtUs, content } of packedWorkspaces(part)) {
    yield lineOf({ workspace: sessionId, generation, created_at_us: createdAtUs });
    tally.workspaces.count += 1;
    yield* pieces(content, tally.workspaces);
  }
}

async function* packedWorkspaces({ sql, blobs, pack }: Part): AsyncGenerator<PackedWorkspace> {
  if (pack === null) {
    for await (const snapshot of keptSnapshots(sql)) yield keptIn(blobs, snapshot);
    return;
  }
  for await (const { id } of sessionsOf(sql)) {
    const packed = await pack(id);
    if (packed) yield packed;
  }
}

function keptIn(
  blobs: Blobs,
  { id, generation, sha256, created_at_us: createdAtUs }: KeptSnapshot,
): PackedWorkspace {
  return { sessionId: id, generation, createdAtUs, content: exported(blobs, sha256) };
}

/** Content as lines of base64, a multiple of three bytes each but for the last: they could be decoded as one. */
async function* pieces(content: AsyncIterable<Uint8Array>, count: { bytes: number }): AsyncGenerator<string> {
  let held = Buffer.alloc(0);
  for await (const chunk of content) {
    count.bytes += chunk.byteLength;
    held = held.length === 0 ? Buffer.from(chunk) : Buffer.concat([held, chunk]);
    for (; held.length >= pieceBytes; held = held.subarray(pieceBytes))
      yield lineOf(held.subarray(0, pieceBytes).toString('base64'));
  }
  if (held.length > 0) yield lineOf(held.toString('base64'));
}

const pieceBytes = 192 * 1024;

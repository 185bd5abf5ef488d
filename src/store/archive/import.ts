import { randomUUID } from 'node:crypto';
import { CompiledQuery } from 'kysely';
import type { StagedBlob } from '../../domain/blobs.ts';
import { archivePageCharacters, importBatchRows, importRowsMax } from '../../domain/limits.ts';
import type { Tx } from '../engines/engine.ts';
import { schemaVersion } from '../migrations.ts';
import type { OpenAlone } from '../open-alone.ts';
import type { Amount } from './counts.ts';
import type { PackedWorkspace } from './export.ts';
import type { Tally } from './format.ts';
import type { ContentPlace } from './import-content.ts';
import { contentPlaceOf } from './import-content.ts';
import type { ImportMark } from './import-mark.ts';
import { takeMark } from './import-mark.ts';
import { BadArchive, damaged } from './lines.ts';
import type { MovedTable } from './moved-tables.ts';
import { movedTables } from './moved-tables.ts';
import type { Archive, Item, TableHeader } from './read-archive.ts';
import { insertRows } from './rows.ts';
import { requireAll } from './verify.ts';

export type ImportOptions = {
  /** Beside those of the archive: names and values. */
  readonly identity: Readonly<Record<string, string>>;
  /**
   * Puts files of sandboxes into their directories; null: they stay packed in the database. What was put there before is
   * left as it is.
   */
  readonly unpack: ((workspace: PackedWorkspace) => Promise<void>) | null;
  /** Told again and again how much of the archive is imported, or was read back. */
  readonly told: (doing: 'importing' | 'reading back', amount: Amount) => void;
  /** Told once how much was there already, if an import that was interrupted goes on. */
  readonly goesOn: (amount: Amount) => void;
};

/** What an archive of this kind can be read into; throws `BadArchive` otherwise. */
export function requireSameSchema({ head }: Archive): void {
  if (head.schema === schemaVersion) return;
  throw new BadArchive(
    `the archive has schema ${head.schema}, written by Anthill ${head.version}, and this Anthill has schema ${schemaVersion}; import it with that version, and start this one afterwards`,
  );
}

/**
 * Everything of an archive into an empty store, step by step: each transaction brings some of it and says how far the
 * import is. One that was interrupted goes on from there, and until all of it was read back and has the hashes that the
 * archive says nothing else may use the store, see `unfinished-import.ts`. Only one process may call this at a time.
 */
export async function importArchive(
  into: OpenAlone,
  archive: Archive,
  options: ImportOptions,
): Promise<Tally> {
  const mark = await takeMark(into, archive, randomUUID());
  try {
    const content = contentPlaceOf(into);
    await content.tidy();
    if (mark.position && !(await archive.skipTo(mark.position)))
      throw new Error(
        `the archive is not the one that the import was begun with: something differs in its first ${mark.position.lines} lines`,
      );
    if (mark.position) options.goesOn(archive.amount());
    const tally = await readInto({ ...into, mark, content, archive, options });
    await into.engine.snapshot((sql) =>
      requireAll({ ...into, sql, tally, told: (amount) => options.told('reading back', amount) }),
    );
    await into.engine.write(async (tx) => {
      await mark.remove(tx);
      for (const [name, value] of Object.entries(options.identity)) await tx.run(newIdentity(name, value));
    });
    // What is left of the marks does not matter: the next start looks at them.
    await content.settle().catch(() => undefined);
    return tally;
  } catch (cause) {
    throw interrupted(cause);
  }
}

function interrupted(cause: unknown): Error {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new Error(
    `${why}; what was imported so far is kept: run the import again with the same archive to go on from there, or with --restart to begin anew`,
    { cause },
  );
}

function newIdentity(name: string, value: string): CompiledQuery<unknown> {
  return CompiledQuery.raw('insert into identity (name, value) values (?, ?)', [name, value]);
}

type Reading = Pick<OpenAlone, 'engine' | 'bodies'> & {
  readonly mark: ImportMark;
  readonly content: ContentPlace;
  readonly archive: Archive;
  readonly options: ImportOptions;
};

async function readInto(reading: Reading): Promise<Tally> {
  const { archive } = reading;
  try {
    await readTables(reading);
    await readContents(reading);
    await readWorkspaces(reading);
    if ((await archive.next('table', 'row', 'content', 'piece')) !== null)
      throw damaged('its parts are not in their order');
    return await archive.toEnd();
  } catch (cause) {
    // What is made of an archive that breaks off fails too, later and less clearly.
    throw archive.failure() ?? cause;
  }
}

type RowItem = Extract<Item, { type: 'row' }>;
type WorkspaceHeader = Extract<Item, { type: 'workspace' }>;

async function readTables(reading: Reading): Promise<void> {
  const { archive, engine, mark } = reading;
  let batch: RowItem[] = [];
  let characters = 0;

  async function flush(): Promise<void> {
    if (batch.length === 0) return;
    const position = archive.position();
    await engine.write(async (tx) => {
      await insertBatch(tx, batch, reading);
      await mark.advance(tx, position);
    });
    tell(reading);
    batch = [];
    characters = 0;
  }

  for (let item = await nextRow(archive); item !== null; item = await nextRow(archive)) {
    if (item.type === 'table') continue;
    batch.push(item);
    characters += item.characters;
    if (batch.length >= importBatchRows || characters >= archivePageCharacters) await flush();
  }
  await flush();
}

const nextRow = (archive: Archive) => archive.next('table', 'row');

function tell({ options, archive }: Reading): void {
  options.told('importing', archive.amount());
}

/** Rows of one or several tables, some in a statement; large ones go alone. */
async function insertBatch(
  tx: Tx,
  batch: readonly RowItem[],
  { bodies }: Pick<OpenAlone, 'bodies'>,
): Promise<void> {
  for (let from = 0; from < batch.length; ) {
    const { table } = batch[from] as RowItem;
    let to = from + 1;
    for (let next = batch[to]; next?.table === table && to - from < importRowsMax; next = batch[++to])
      if (next.characters >= largeCharacters || (batch[to - 1]?.characters ?? 0) >= largeCharacters) break;
    const rows = batch.slice(from, to).map(({ row }) => row);
    await insertRows(tx, tableOf(table), { rows, bodies });
    from = to;
  }
}

const largeCharacters = 256 * 1024;

function tableOf({ name, columns }: TableHeader): MovedTable {
  const table = movedTables.find((one) => one.name === name);
  if (!table || String(table.columns) !== String(columns))
    throw damaged(`its table ${name} is not the one of this schema`);
  return table;
}

async function* piecesOf(archive: Archive): AsyncGenerator<Uint8Array> {
  for (let next = await archive.next('piece'); next !== null; next = await archive.next('piece'))
    yield next.bytes;
}

async function readContents(reading: Reading): Promise<void> {
  const { archive, content, mark } = reading;
  for (;;) {
    const header = await archive.next('content');
    if (header === null) return;
    const staged = await content.blobs.stage(piecesOf(archive));
    if (staged.sha256 !== header.sha256) {
      await content.blobs.discard(staged);
      throw damaged(`the content ${header.sha256} has another hash`);
    }
    const position = archive.position();
    await content.publish(staged, (tx) => mark.advance(tx, position));
    tell(reading);
  }
}

async function readWorkspaces(reading: Reading): Promise<void> {
  for (;;) {
    const header = await reading.archive.next('workspace');
    if (header === null) return;
    await readWorkspace(reading, header);
    tell(reading);
  }
}

async function readWorkspace(
  { archive, content, engine, mark, options }: Reading,
  header: WorkspaceHeader,
): Promise<void> {
  if (options.unpack !== null) {
    const pieces = watched(piecesOf(archive));
    await options.unpack({ ...header, content: pieces.content });
    // Whoever unpacks stops at the end of the tar, or does not begin.
    await pieces.ended();
    for await (const _ of piecesOf(archive));
    const position = archive.position();
    await engine.write((tx) => mark.advance(tx, position));
    return;
  }
  const staged = await content.blobs.stage(piecesOf(archive));
  const position = archive.position();
  await content.publish(staged, async (tx) => {
    await tx.run(newSnapshot(header, staged));
    await mark.advance(tx, position);
  });
}

function newSnapshot(
  { sessionId, generation, createdAtUs }: WorkspaceHeader,
  { sha256, bytes }: StagedBlob,
): CompiledQuery<unknown> {
  const text =
    'insert into session_snapshots (session_id, generation, sha256, bytes, created_at_us) values (?, ?, ?, ?, ?)';
  return CompiledQuery.raw(text, [sessionId, generation, sha256, bytes, createdAtUs]);
}

/** With the moment from which nobody takes any more of it. */
function watched(pieces: AsyncIterable<Uint8Array>) {
  const end = Promise.withResolvers<void>();
  let isBegun = false;
  async function* content() {
    isBegun = true;
    try {
      yield* pieces;
    } finally {
      end.resolve();
    }
  }
  return { content: content(), ended: async () => (isBegun ? end.promise : undefined) };
}

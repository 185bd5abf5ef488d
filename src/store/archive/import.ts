import { CompiledQuery } from 'kysely';
import type { Blobs } from '../../domain/blobs.ts';
import { importRowsMax } from '../../domain/limits.ts';
import { createContentRows } from '../content-rows.ts';
import type { ContentChanges } from '../contents.ts';
import { createContents } from '../contents.ts';
import type { Engine, Tx } from '../engines/engine.ts';
import { schemaOfData, schemaVersion } from '../migrations.ts';
import type { OpenAlone } from '../open-alone.ts';
import type { PackedWorkspace } from './export.ts';
import type { Count, Tally, WorkspaceLine } from './format.ts';
import { countRow, lineOf, newCount } from './format.ts';
import { BadArchive, damaged } from './lines.ts';
import type { MovedTable } from './moved-tables.ts';
import { movedTables } from './moved-tables.ts';
import type { Archive, Item } from './read-archive.ts';
import type { Row } from './rows.ts';
import { insertRows, readRows } from './rows.ts';

export type ImportOptions = {
  /** Beside those of the archive: names and values. */
  readonly identity: Readonly<Record<string, string>>;
  /** Puts files of sandboxes into their directories; null: they stay packed in the database. */
  readonly unpack: ((workspace: PackedWorkspace) => Promise<void>) | null;
  readonly done: (what: string, count: number) => void;
};

/** What an archive of this kind can be read into; throws `BadArchive` otherwise. */
export function requireSameSchema({ head }: Archive): void {
  if (head.schema === schemaVersion) return;
  throw new BadArchive(
    `the archive has schema ${head.schema}, written by Anthill ${head.version}, and this Anthill has schema ${schemaVersion}; import it with that version, and start this one afterwards`,
  );
}

/**
 * Everything of an archive into an empty store, or nothing: it is one transaction, which is committed once all
 * rows have been read back and have the hashes that the archive says.
 */
export async function importArchive(
  into: OpenAlone,
  archive: Archive,
  options: ImportOptions,
): Promise<Tally> {
  let isBegun = false;
  const bodies = removable(into.bodies);
  return await inOneTransaction({ ...into, bodies }, async (place) => {
    // What has been read is gone: this cannot be done twice.
    if (isBegun) throw new Error('somebody else used the database at the same time; import again');
    isBegun = true;
    await refuseData(place.tx);
    const read = await readInto(place, archive, options);
    for (const [name, value] of Object.entries(options.identity))
      await place.tx.run(
        CompiledQuery.raw('insert into identity (name, value) values (?, ?)', [name, value]),
      );
    const tally = archive.tally();
    requireCounts(read, tally);
    await requireHashes(place, tally);
    return tally;
  }).catch((cause: unknown) => {
    bodies.remove();
    throw cause;
  });
}

/** Bodies that can be taken away together: no other session has any. */
function removable(bodies: OpenAlone['bodies']) {
  const sessionIds = new Set<string>();
  return {
    ...bodies,
    store(sessionId: string, body: string) {
      const stored = bodies.store(sessionId, body);
      if (stored !== body) sessionIds.add(sessionId);
      return stored;
    },
    remove() {
      for (const id of sessionIds) bodies.discard(id);
    },
  };
}

type Place = {
  readonly tx: Tx;
  readonly blobs: Blobs;
  readonly content: ContentChanges;
  readonly bodies: OpenAlone['bodies'];
};

/** What this leaves behind when its process dies, the next start or import removes. */
async function inOneTransaction<T>(into: OpenAlone, work: (place: Place) => Promise<T>): Promise<T> {
  const { engine, files, bodies, clock } = into;
  if (files !== null) {
    const contents = createContents(engine, files);
    await contents.recover();
    return await contents.write((tx, content) => work({ tx, content, blobs: files, bodies }));
  }
  return await engine.write((tx) => {
    const { blobs, contents } = createContentRows(within(engine, tx), clock);
    return contents.write((_, content) => work({ tx, content, blobs, bodies }));
  });
}

/** An engine whose every transaction is part of this one. */
function within(engine: Engine, tx: Tx): Engine {
  return { ...engine, read: tx, write: (work) => work(tx), writeBeside: (_, work) => work(tx) };
}

async function refuseData(tx: Tx): Promise<void> {
  // Tables of another version are not made by an import.
  if ((await schemaOfData(tx)) !== schemaVersion) throw new Error(thereIsData);
  for (const { name } of movedTables) {
    if (name === 'totals') continue;
    const query: CompiledQuery<unknown> = CompiledQuery.raw(`select 1 as one from "${name}" limit 1`);
    if ((await tx.all(query)).length > 0) throw new Error(thereIsData);
  }
  await tx.run(CompiledQuery.raw('delete from totals'));
}

const thereIsData =
  'there is data of an Anthill server already, and an import does not add to it; choose an empty database, or another --data';

type Counts = {
  readonly tables: Map<string, Count>;
  readonly contents: { count: number; bytes: number };
  readonly workspaces: { count: number; bytes: number };
};

async function readInto(place: Place, archive: Archive, options: ImportOptions): Promise<Counts> {
  const counts: Counts = {
    tables: new Map(),
    contents: { count: 0, bytes: 0 },
    workspaces: { count: 0, bytes: 0 },
  };
  const items = lookingAhead(archive.items);
  try {
    await readItems(place, { items, counts, options });
    return counts;
  } catch (cause) {
    // What is made of an archive that breaks off fails too, later and less clearly.
    throw items.failure() ?? cause;
  }
}

async function readItems(
  place: Place,
  { items, counts, options }: Reading & { options: ImportOptions },
): Promise<void> {
  for (let item = await items.next(); item !== null; item = await items.next()) {
    if (item.type === 'table') await readTable(place, { item, items, counts, options });
    else if (item.type === 'content') await readContent(place, { sha256: item.sha256, items, counts });
    else if (item.type === 'workspace') {
      await readWorkspace(place, { workspace: item.workspace, items, counts, options });
    } else throw damaged('it has a part that belongs to nothing');
  }
}

type LookingAhead = {
  next(): Promise<Item | null>;
  /** The next one, if it is of this type. */
  nextOf<Type extends Item['type']>(type: Type): Promise<Extract<Item, { type: Type }> | null>;
  /** Why there are no more; null: they have not failed. */
  failure(): unknown;
};

function lookingAhead(items: AsyncIterable<Item>): LookingAhead {
  const iterator = items[Symbol.asyncIterator]();
  let ahead: Item | null = null;
  let failure: unknown = null;
  async function take(): Promise<Item | null> {
    const next = ahead;
    ahead = null;
    if (next !== null) return next;
    const { done, value } = await iterator.next().catch((cause: unknown) => {
      failure = cause;
      throw cause;
    });
    return done ? null : value;
  }
  return {
    next: take,
    failure: () => failure,
    async nextOf<Type extends Item['type']>(type: Type) {
      const item = await take();
      if (item?.type === type) return item as Extract<Item, { type: Type }>;
      ahead = item;
      return null;
    },
  };
}

type Reading = { readonly items: LookingAhead; readonly counts: Counts };

async function readTable(
  { tx, bodies }: Place,
  {
    item,
    items,
    counts,
    options,
  }: Reading & { item: Extract<Item, { type: 'table' }>; options: ImportOptions },
): Promise<void> {
  const table = tableOf(item);
  const count = newCount();
  if (counts.tables.has(table.name)) throw damaged(`it has the table ${table.name} twice`);
  counts.tables.set(table.name, count);
  let rows: Row[] = [];
  for (let next = await items.nextOf('row'); next !== null; next = await items.nextOf('row')) {
    countRow(count, next.line);
    rows.push(next.row);
    // Large rows go alone: they are in memory as often as they are on their way.
    if (rows.length < importRowsMax && next.line.length < largeCharacters) continue;
    await insertRows(tx, table, { rows, bodies });
    rows = [];
  }
  if (rows.length > 0) await insertRows(tx, table, { rows, bodies });
  options.done(table.name, count.rows);
}

const largeCharacters = 256 * 1024;

function tableOf({ name, columns }: { name: string; columns: readonly string[] }): MovedTable {
  const table = movedTables.find((one) => one.name === name);
  if (!table || String(table.columns) !== String(columns))
    throw damaged(`its table ${name} is not the one of this schema`);
  return table;
}

async function* piecesOf(items: LookingAhead, count: { bytes: number }): AsyncGenerator<Uint8Array> {
  for (let next = await items.nextOf('piece'); next !== null; next = await items.nextOf('piece')) {
    count.bytes += next.bytes.byteLength;
    yield next.bytes;
  }
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

async function readContent(
  { blobs, content }: Place,
  { sha256, items, counts }: Reading & { sha256: string },
): Promise<void> {
  counts.contents.count += 1;
  const staged = await blobs.stage(piecesOf(items, counts.contents));
  try {
    if (staged.sha256 !== sha256) throw damaged(`the content ${sha256} has another hash`);
    await content.publish(staged);
  } finally {
    await blobs.discard(staged);
  }
}

async function readWorkspace(
  { tx, blobs, content }: Place,
  { workspace, items, counts, options }: Reading & { workspace: WorkspaceLine; options: ImportOptions },
): Promise<void> {
  const { workspace: sessionId, generation, created_at_us: createdAtUs } = workspace;
  counts.workspaces.count += 1;
  if (options.unpack !== null) {
    const pieces = watched(piecesOf(items, counts.workspaces));
    await options.unpack({ sessionId, generation, createdAtUs, content: pieces.content });
    // Whoever unpacks stops at the end of the tar, or does not begin.
    await pieces.ended();
    for await (const _ of piecesOf(items, counts.workspaces));
    return;
  }
  const staged = await blobs.stage(piecesOf(items, counts.workspaces));
  await content.publish(staged);
  await blobs.discard(staged);
  const text =
    'insert into session_snapshots (session_id, generation, sha256, bytes, created_at_us) values (?, ?, ?, ?, ?)';
  await tx.run(CompiledQuery.raw(text, [sessionId, generation, staged.sha256, staged.bytes, createdAtUs]));
}

function requireCounts(read: Counts, tally: Tally): void {
  for (const { name } of movedTables)
    if (read.tables.get(name)?.rows !== tally.tables[name]?.rows)
      throw damaged(`it does not have as many rows of ${name} as its end says`);
  for (const what of ['contents', 'workspaces'] as const)
    if (read[what].count !== tally[what].count || read[what].bytes !== tally[what].bytes)
      throw damaged(`it does not have as many ${what} as its end says`);
}

/** What was written, read again, is what the archive has. */
async function requireHashes({ tx, bodies }: Place, tally: Tally): Promise<void> {
  for (const table of movedTables) {
    const count = newCount();
    for await (const row of readRows(tx, table, bodies)) countRow(count, lineOf(row));
    const found = { rows: count.rows, sha256: count.hash.digest('hex') };
    const said = tally.tables[table.name];
    if (found.rows === said?.rows && found.sha256 === said.sha256) continue;
    throw new Error(`the rows of ${table.name} are not what the archive has; nothing was imported`);
  }
}

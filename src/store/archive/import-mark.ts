import { CompiledQuery } from 'kysely';
import type { Engine, Sql, Tx } from '../engines/engine.ts';
import { schemaOfData, schemaVersion } from '../migrations.ts';
import type { OpenAlone } from '../open-alone.ts';
import { build } from '../tables.ts';
import { archiveOfImport, nameOfArchive } from '../unfinished-import.ts';
import type { Position } from './counts.ts';
import { movedTables } from './moved-tables.ts';
import type { Archive } from './read-archive.ts';

/**
 * The row of `imports`: that an import is not finished, of which archive (its first line), how many lines of it are in
 * the store and what hash they have together. Every transaction of an import moves it forward, so whoever goes on
 * knows exactly what is there. It belongs to one process at a time: an import whose place was taken fails at its next
 * transaction.
 */
export type ImportMark = {
  /** Of what an earlier process has imported; null: nothing was there. */
  readonly position: Position | null;
  /** In the transaction that brings what lies before this position. */
  advance(tx: Tx, position: Position): Promise<void>;
  /** In the transaction from which on others may use the store. */
  remove(tx: Tx): Promise<void>;
};

/** Begins an import into an empty store, or takes over the one of the same archive. Rejects where neither is possible. */
export async function takeMark(into: OpenAlone, archive: Archive, owner: string): Promise<ImportMark> {
  const position = await into.engine.write(async (tx) => {
    await requireSchema(tx);
    const mark = await readMark(tx);
    if (mark) {
      if (mark.archive !== archive.firstLine) throw new Error(otherArchive(mark.archive));
      await tx.run(build.updateTable('imports').set({ owner }).compile());
      return { lines: mark.lines, sha256: mark.sha256 };
    }
    await refuseData(tx);
    await into.refuseServers(tx, 'before');
    await tx.run(CompiledQuery.raw('delete from totals'));
    const row = { archive: archive.firstLine, owner, ...archive.position() };
    await tx.run(build.insertInto('imports').values(row).compile());
    return null;
  });
  return {
    position,
    advance: (tx, { lines, sha256 }) =>
      requireOwn(tx, build.updateTable('imports').set({ lines, sha256 }).where('owner', '=', owner)),
    remove: (tx) => requireOwn(tx, build.deleteFrom('imports').where('owner', '=', owner)),
  };
}

/**
 * Marks what an unfinished import has brought as to be taken away, whatever archive it is of, and so does every call until `remove`;
 * `isWanted`: also where that was not begun. Null: there is nothing to take away.
 */
export async function takeMarkToClear(
  engine: Engine,
  { owner, isWanted }: { readonly owner: string; readonly isWanted: boolean },
): Promise<(Pick<ImportMark, 'remove'> & { stay(tx: Tx): Promise<void> }) | null> {
  const isTaken = await engine.write(async (tx) => {
    if ((await schemaOfData(tx)) === 0) return false;
    await requireSchema(tx);
    const mark = await readMark(tx);
    if (!mark || (mark.archive !== '' && !isWanted)) return false;
    await tx.run(build.updateTable('imports').set({ archive: '', owner }).compile());
    return true;
  });
  if (!isTaken) return null;
  return {
    stay: (tx) => requireOwn(tx, build.updateTable('imports').set({ owner }).where('owner', '=', owner)),
    remove: (tx) => requireOwn(tx, build.deleteFrom('imports').where('owner', '=', owner)),
  };
}

async function readMark(sql: Sql) {
  const [row] = await sql.all(build.selectFrom('imports').selectAll().compile());
  return row ?? null;
}

async function requireOwn(tx: Tx, change: { compile(): CompiledQuery<unknown> }): Promise<void> {
  if ((await tx.run(change.compile())) === 1) return;
  throw new Error('another import has taken over where this one was');
}

async function requireSchema(tx: Tx): Promise<void> {
  const schema = await schemaOfData(tx);
  if (schema === schemaVersion) return;
  // Tables of another version are not made by an import of this one.
  throw new Error((await archiveOfImport(tx, schema)) === null ? thereIsData : ofAnotherVersion);
}

async function refuseData(tx: Tx): Promise<void> {
  for (const { name } of movedTables) {
    if (name === 'totals') continue;
    const query: CompiledQuery<unknown> = CompiledQuery.raw(`select 1 as one from "${name}" limit 1`);
    if ((await tx.all(query)).length > 0) throw new Error(thereIsData);
  }
}

const thereIsData =
  'there is data of an Anthill server already, and an import does not add to it; choose an empty database, or another --data';

const ofAnotherVersion =
  'an import by another version of Anthill into this store is not finished; finish it with that version, or choose an empty database, or another --data';

function otherArchive(firstLine: string): string {
  return `an import of another archive, ${nameOfArchive(firstLine)}, into this store is not finished: run it again with that one, or add --restart to take away what came of it and begin with this one`;
}

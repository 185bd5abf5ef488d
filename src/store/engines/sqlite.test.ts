import assert from 'node:assert/strict';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import Database from 'better-sqlite3';
import { CompiledQuery } from 'kysely';
import { add, engineContract, names, snapshotContract, withAnts } from '../../../test/contract/engine.ts';
import type { Engine } from './engine.ts';
import { openSqlite } from './sqlite.ts';

/** An engine on a file of its own that goes when the engine is closed. */
function openOnDisk(): Engine & { readonly path: string } {
  const directory = mkdtempSync(join(tmpdir(), 'anthill-sqlite-'));
  const path = join(directory, 'test.db');
  const engine = openSqlite(path);
  return {
    ...engine,
    path,
    async close() {
      await engine.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

describe('SQLite on disk', () => {
  engineContract(async () => openOnDisk());
  snapshotContract(async () => openOnDisk());
});

describe('SQLite in memory', () => {
  engineContract(async () => openSqlite(':memory:'));
});

/** Every write of a group that the database could not take, and the error that says so. */
async function failures(writes: readonly Promise<unknown>[]): Promise<Error[]> {
  const outcomes = await Promise.allSettled(writes);
  return outcomes.map((outcome) => {
    assert.equal(outcome.status, 'rejected');
    assert.ok(outcome.reason instanceof Error);
    return outcome.reason;
  });
}

function codesOf(errors: readonly Error[]): unknown[] {
  return errors.map(({ cause }) => (cause instanceof Database.SqliteError ? cause.code : cause));
}

const pragma = (engine: Engine, text: string) =>
  engine.write((tx) => tx.all(CompiledQuery.raw(`pragma ${text}`)));

describe('a database that cannot take a group of writes', () => {
  test('rejects all of it with the cause and goes on: another process holds the lock', async () => {
    const disk = openOnDisk();
    await using engine = await withAnts(disk);
    await pragma(engine, 'busy_timeout = 0');
    const other = new Database(disk.path);
    other.exec('BEGIN IMMEDIATE');
    const errors = await failures(['ada', 'bob'].map((name) => engine.write((tx) => tx.run(add(name)))));
    assert.deepEqual(codesOf(errors), ['SQLITE_BUSY', 'SQLITE_BUSY']);
    other.exec('ROLLBACK');
    other.close();
    await engine.write((tx) => tx.run(add('cyd')));
    assert.deepEqual(await names(engine.read), ['cyd']);
  });

  test('rejects all of it with the cause and goes on: the disk is full', async () => {
    await using engine = await withAnts(openOnDisk());
    // SQLite limits itself to the pages it has.
    await pragma(engine, 'max_page_count = 1');
    const large = 'x'.repeat(1_000_000);
    const errors = await failures(
      ['ada', large, 'bob'].map((name) => engine.write((tx) => tx.run(add(name)))),
    );
    assert.deepEqual(codesOf(errors), ['SQLITE_FULL', 'SQLITE_FULL', 'SQLITE_FULL']);
    await engine.write((tx) => tx.run(add('cyd')));
    assert.deepEqual(await names(engine.read), ['cyd']);
  });

  test('rejects all of it with the cause and goes on: the commit itself fails', async () => {
    await using engine = await withAnts(openOnDisk());
    const table = 'create table trails (ant text references ants (name) deferrable initially deferred)';
    await engine.write((tx) => tx.run(CompiledQuery.raw(table)));
    const trail = CompiledQuery.raw("insert into trails (ant) values ('nobody')");
    const errors = await failures([add('ada'), trail].map((query) => engine.write((tx) => tx.run(query))));
    const code = 'SQLITE_CONSTRAINT_FOREIGNKEY';
    assert.deepEqual(codesOf(errors), [code, code]);
    await engine.write((tx) => tx.run(add('cyd')));
    assert.deepEqual(await names(engine.read), ['cyd']);
  });
});

describe('compacting on disk', () => {
  test('leaves nothing of what was deleted and overwritten in the files', async () => {
    const disk = openOnDisk();
    await using engine = await withAnts(disk);
    const isThere = (name: string) =>
      globSync(`${disk.path}*`).some((file) => readFileSync(file).includes(name));
    for (const name of ['deleted-ant', 'renamed-ant', 'kept-ant'])
      await engine.write((tx) => tx.run(add(name)));
    for (const change of [
      "delete from ants where name = 'deleted-ant'",
      "update ants set name = 'other' where name = 'renamed-ant'",
    ])
      await engine.write((tx) => tx.run(CompiledQuery.raw(change)));
    assert.deepEqual([isThere('deleted-ant'), isThere('renamed-ant')], [true, true]);
    await engine.compact();
    const left = ['deleted-ant', 'renamed-ant', 'kept-ant', 'other'].filter(isThere);
    assert.deepEqual(left, ['kept-ant', 'other']);
  });

  test('says so when a reader keeps it from it', async () => {
    const disk = openOnDisk();
    await using engine = await withAnts(disk);
    await pragma(engine, 'busy_timeout = 0');
    const other = new Database(disk.path);
    other.exec('BEGIN');
    other.prepare('select * from ants').all();
    await assert.rejects(engine.compact(), /somebody else reads it/);
    other.close();
    await engine.compact();
  });
});

test('readers on disk do not see a write before its commit', async () => {
  await using engine = await withAnts(openOnDisk());
  const seen = await engine.write(async (tx) => {
    await tx.run(add('ada'));
    return names(engine.read);
  });
  assert.deepEqual([seen, await names(engine.read)], [[], ['ada']]);
});

test('a group on disk of which nothing is kept is not written', async () => {
  const disk = openOnDisk();
  await using engine = await withAnts(disk);
  const other = new Database(disk.path, { readonly: true });
  const commits = () => other.pragma('data_version', { simple: true });
  const before = commits();
  const refused = () =>
    engine.write(async (tx) => {
      await tx.run(add('ada'));
      throw new Error('no');
    });
  await failures([refused(), refused()]);
  assert.equal(commits(), before);
  const [, kept] = await Promise.allSettled([refused(), engine.write((tx) => tx.run(add('bob')))]);
  assert.deepEqual([kept.status, await names(engine.read)], ['fulfilled', ['bob']]);
  assert.notEqual(commits(), before);
  other.close();
});

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CompiledQuery } from 'kysely';
import { fakeClock } from '../../../test/support/clock.ts';
import { openSqliteAlone } from '../open-alone.ts';
import { exportArchive } from './export.ts';
import { takeMark, takeMarkToClear } from './import-mark.ts';
import type { Archive } from './read-archive.ts';
import { readArchive } from './read-archive.ts';

async function anArchive(directory: string): Promise<Archive> {
  const from = await openSqliteAlone({ dataDir: join(directory, 'from'), filesDir: null }, fakeClock());
  const bytes: Uint8Array[] = [];
  const write = async (some: Uint8Array) => void bytes.push(some);
  const options = { version: '1', nowUs: 1, masterKeyCheck: null, pack: null, write, told() {} };
  await exportArchive(from, options);
  await from.close();
  async function* content() {
    yield* bytes;
  }
  return await readArchive(content());
}

test('an import whose place another one took brings nothing more', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'anthill-mark-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const archive = await anArchive(directory);
  const into = await openSqliteAlone({ dataDir: join(directory, 'into'), filesDir: null }, fakeClock());
  const first = await takeMark(into, archive, 'first');
  const one = { lines: 10, sha256: 'of ten' };
  await into.engine.write((tx) => first.advance(tx, one));
  const second = await takeMark(into, archive, 'second');
  assert.deepEqual([first.position, second.position], [null, one]);
  const taken = { message: 'another import has taken over where this one was' };
  await assert.rejects(
    into.engine.write((tx) => first.advance(tx, { ...one, lines: 11 })),
    taken,
  );
  await assert.rejects(into.engine.write(first.remove), taken);
  const clearing = await takeMarkToClear(into.engine, { owner: 'third', isWanted: true });
  await assert.rejects(
    into.engine.write((tx) => second.advance(tx, one)),
    taken,
  );
  await assert.rejects(takeMark(into, archive, 'fourth'), /an import of another archive/);
  await into.engine.write(async (tx) => clearing?.remove(tx));
  assert.equal((await takeMark(into, archive, 'fifth')).position, null);

  const newer = CompiledQuery.raw('update schema_version set version = version + 1');
  await into.engine.write((tx) => tx.run(newer));
  await assert.rejects(takeMark(into, archive, 'sixth'), /by another version of Anthill/);
  await into.close();
});

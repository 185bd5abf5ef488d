import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CompiledQuery } from 'kysely';
import { openSqlite } from './engines/sqlite.ts';
import { migrate, schemaOfData, schemaVersion } from './migrations.ts';
import { refuseUnfinishedImport, UnfinishedImport } from './unfinished-import.ts';

test('data of every schema can be asked whether an import into it is not finished', async () => {
  const engine = openSqlite(':memory:');
  for (let target = 1; target <= schemaVersion; target++) {
    await migrate(engine, target);
    await refuseUnfinishedImport(engine.read, await schemaOfData(engine.read));
  }
  const text = 'insert into imports (archive, lines, sha256, owner) values (?, 1, ?, ?)';
  await engine.write((tx) => tx.run(CompiledQuery.raw(text, ['{"created_at":"yesterday"}', '', ''])));
  await assert.rejects(migrate(engine), UnfinishedImport);
  await assert.rejects(migrate(engine), /an import of the archive of yesterday into this store/);
  await engine.close();
});

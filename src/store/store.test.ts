import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe } from 'node:test';
import { CompiledQuery } from 'kysely';
import { collectionsContract } from '../../test/contract/collections.ts';
import { filesContract } from '../../test/contract/files.ts';
import { leasesContract } from '../../test/contract/leases.ts';
import { memoryContract } from '../../test/contract/memory.ts';
import { retentionContract } from '../../test/contract/retention.ts';
import { sealedSecretsContract } from '../../test/contract/sealed-secrets.ts';
import { sessionLogContract } from '../../test/contract/session-log.ts';
import { skillsContract } from '../../test/contract/skills.ts';
import { snapshotsContract } from '../../test/contract/snapshots.ts';
import type { MakeStore } from '../../test/contract/subject.ts';
import { sharedPostgres } from '../../test/support/postgres.ts';
import { openBlobFiles } from './blob-files.ts';
import { inlineBodies, openBodies } from './bodies.ts';
import type { Engine } from './engines/engine.ts';
import { openPostgres } from './engines/postgres.ts';
import { openSqlite } from './engines/sqlite.ts';
import type { FoldCache } from './fold-cache.ts';
import { createFoldCache } from './fold-cache.ts';
import type { Store } from './open.ts';
import { openStore, openStoreOn } from './open.ts';

/** A store in a directory that goes when the store is closed. */
async function inTemporary(open: (directory: string) => Promise<Store>): Promise<Store> {
  const directory = mkdtempSync(join(tmpdir(), 'anthill-store-'));
  const store = await open(directory);
  return {
    ...store,
    async close() {
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const onDisk: MakeStore = (options) => inTemporary((dataDir) => openStore({ dataDir, ...options }));

const inMemory =
  (folds: () => FoldCache): MakeStore =>
  (options) =>
    inTemporary((directory) =>
      openStoreOn(openSqlite(':memory:'), {
        bodies: openBodies(join(directory, 'blobs')),
        blobs: openBlobFiles(join(directory, 'files')),
        folds: folds(),
        ...options,
      }),
    );

/** Their connections and tables are taken over by the next store: to make them takes longer than most tests. */
const resting: Engine[] = [];
after(() => Promise.all(resting.map((engine) => engine.close())));

const onPostgres =
  (keeps: 'content in rows' | 'content in files'): MakeStore =>
  async (options) => {
    const engine = resting.pop() ?? openPostgres(await (await sharedPostgres()).newSchema());
    const borrowed = { ...engine, async close() {} };
    const store = await inTemporary((directory) =>
      openStoreOn(borrowed, {
        bodies: inlineBodies,
        blobs: keeps === 'content in rows' ? null : openBlobFiles(join(directory, 'files')),
        ...options,
      }),
    );
    return {
      ...store,
      async close() {
        await store.close();
        await empty(engine);
        resting.push(engine);
      },
    };
  };

/** As `migrate` left it. */
async function empty(engine: Engine): Promise<void> {
  const tables: CompiledQuery<{ name: string }> = CompiledQuery.raw(
    'select tablename as name from pg_tables where schemaname = current_schema()',
  );
  await engine.write(async (tx) => {
    for (const { name } of await tx.all(tables))
      if (name !== 'schema_version' && name !== 'totals')
        await tx.run(CompiledQuery.raw(`delete from ${name}`));
    await tx.run(CompiledQuery.raw('update totals set value = 0'));
  });
}

/** Every state is folded from the log. */
const noFolds: FoldCache = { get: () => undefined, set() {}, drop() {} };

for (const [name, make] of [
  ['a store on disk', onDisk],
  ['a store on PostgreSQL', onPostgres('content in rows')],
  ['a store on PostgreSQL with files', onPostgres('content in files')],
  ['a store in memory that keeps no fold', inMemory(() => noFolds)],
  ['a store in memory that keeps few folds', inMemory(() => createFoldCache(5))],
] as const) {
  describe(name, () => {
    sessionLogContract(make);
    leasesContract(make);
    collectionsContract(make);
    memoryContract(make);
    filesContract(make);
    snapshotsContract(make);
    retentionContract(make);
    skillsContract(make);
    sealedSecretsContract(make);
  });
}

import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { abandonedUploadMs } from '../domain/limits.ts';
import type { SealedSecrets } from '../domain/sealing.ts';
import type { BlobFiles } from './blob-files.ts';
import { openBlobFiles } from './blob-files.ts';
import type { Bodies } from './bodies.ts';
import { inlineBodies, openBodies } from './bodies.ts';
import { openDataDirectory } from './data-directory.ts';
import type { Engine } from './engines/engine.ts';
import { openPostgres } from './engines/postgres.ts';
import { openSqlite } from './engines/sqlite.ts';
import { migrate, schemaOfData } from './migrations.ts';
import { refuseOtherVersions } from './open-postgres.ts';
import type { Guard } from './sealed-secrets.ts';
import { createSealedSecrets } from './sealed-secrets.ts';
import { refuseLivingServers } from './servers.ts';

/** The parts of a store, for commands that look at it or change it as a whole. */
export type OpenAlone = {
  readonly engine: Engine;
  readonly bodies: Bodies;
  /** The content of files; null: it lies in rows of the database. */
  readonly files: BlobFiles | null;
  readonly clock: Clock;
  readonly sealed: SealedSecrets;
  /** For a transaction that no server may get in the way of. */
  readonly refuseServers: Guard;
  close(): Promise<void>;
};

/** SQLite in a data directory that no server uses, as it is. Throws `DirectoryInUse`. */
export async function openSqliteAlone(
  { dataDir, filesDir }: { readonly dataDir: string; readonly filesDir: string | null },
  clock: Clock,
): Promise<OpenAlone> {
  const directory = openDataDirectory(dataDir);
  try {
    const engine = openSqlite(join(dataDir, 'anthill.db'));
    await migrateNew(engine).catch(async (cause: unknown) => {
      await engine.close();
      throw cause;
    });
    return {
      engine,
      bodies: openBodies(join(dataDir, 'blobs')),
      files: openBlobFiles(filesDir ?? join(dataDir, 'files')),
      clock,
      sealed: createSealedSecrets(engine),
      // None has the directory.
      refuseServers: async () => {},
      async close() {
        await engine.close();
        directory.close();
      },
    };
  } catch (cause) {
    directory.close();
    throw cause;
  }
}

/** Makes the tables where there are none. Those of another Anthill are not changed: nobody asked for that. */
export async function migrateNew(engine: Engine): Promise<void> {
  if ((await schemaOfData(engine.read)) === 0) await migrate(engine);
}

/** PostgreSQL as it is: servers may use it, and nothing is migrated. */
export async function openPostgresBeside(
  { url, filesDir }: { readonly url: string; readonly filesDir: string | null },
  clock: Clock,
): Promise<OpenAlone> {
  const engine = openPostgres(url);
  try {
    await refuseOtherVersions(engine);
    return {
      engine,
      bodies: inlineBodies,
      files: filesDir === null ? null : openBlobFiles(filesDir, { abandonedMs: abandonedUploadMs }),
      clock,
      sealed: createSealedSecrets(engine, refuseLivingServers),
      refuseServers: refuseLivingServers,
      close: () => engine.close(),
    };
  } catch (cause) {
    await engine.close();
    throw cause;
  }
}

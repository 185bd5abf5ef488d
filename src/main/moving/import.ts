import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { unpackWorkspace } from '../../hands/snapshots.ts';
import type { PackedWorkspace } from '../../store/archive/export.ts';
import type { Head } from '../../store/archive/format.ts';
import type { ImportOptions } from '../../store/archive/import.ts';
import { importArchive, requireSameSchema } from '../../store/archive/import.ts';
import { readArchive } from '../../store/archive/read-archive.ts';
import type { OpenAlone } from '../../store/open-alone.ts';
import { migrateNew, openPostgresBeside, openSqliteAlone } from '../../store/open-alone.ts';
import { knownMasterKey, masterKeyFiles, openMasterKey, opensCheck } from '../../vault/master-key.ts';
import type { Config } from '../config.ts';
import { readConfig } from '../config.ts';
import type { World } from '../world.ts';
import { archiveArguments, openInput } from './archive-file.ts';
import { counted } from './export.ts';

/** `anthill import FILE`: an archive of `anthill export` into an empty store; or `--from URL`. Resolves with the exit code. */
export async function importAll(args: readonly string[], world: World): Promise<number> {
  if (args.some((word) => /^--from(=|$)/.test(word)))
    return await (await import('./import-from-api.ts')).importFromApi(args, world);
  const { file, flags } = archiveArguments(args);
  const config = readConfig(flags, world.env, world.cwd);
  const archive = await readArchive(openInput(file, world));
  requireSameSchema(archive);
  const key = requireKey(archive.head, config);
  const target = await openTarget(config, archive.head, key);
  try {
    const tally = await importArchive(target.store, archive, { ...target, done: () => {} }).catch(
      async (cause: unknown) => {
        await target.giveUp();
        throw cause;
      },
    );
    world.stdout.write(`Imported ${counted(tally)}; every row was read back and is as in the archive.\n`);
    world.stdout.write(
      'API keys are those of the other server. Stop it before this one starts: both would go on with the same sessions.\n',
    );
    return 0;
  } finally {
    await target.store.close();
  }
}

/** The key that the secrets of the archive are sealed with; null: it has none. Nothing was opened or made so far. */
function requireKey({ sealed_rows: sealedRows, master_key_check: check }: Head, config: Config) {
  if (sealedRows === 0) return null;
  const { dataDir, masterKey } = config;
  const place = `set ANTHILL_MASTER_KEY to it, or put it into ${masterKeyFiles(dataDir).key}`;
  const key = knownMasterKey(dataDir, masterKey);
  if (key === null)
    throw new Error(
      `the archive has ${sealedRows} rows with secrets, sealed with the master key of the server that it is from; ${place}`,
    );
  if (check !== null && opensCheck(key, check)) return key;
  throw new Error(
    `the master key here is not the one that the secrets of the archive are sealed with, which is that of the server that it is from; ${place}`,
  );
}

type Target = Pick<ImportOptions, 'identity' | 'unpack'> & {
  readonly store: OpenAlone;
  /** Takes away what lies outside the database. */
  giveUp(): Promise<void>;
};

async function openTarget(config: Config, head: Head, key: Uint8Array | null): Promise<Target> {
  const { dataDir, filesDir, database, masterKey } = config;
  if (database !== null) {
    const store = await openPostgresBeside({ url: database.url, filesDir }, systemClock);
    await migrateNew(store.engine);
    const identity = key && head.master_key_check ? { master_key_check: head.master_key_check } : {};
    return { store, identity, unpack: null, giveUp: async () => {} };
  }
  const store = await openSqliteAlone({ dataDir, filesDir }, systemClock);
  try {
    if (key !== null) openMasterKey(dataDir, masterKey);
  } catch (cause) {
    await store.close();
    throw cause;
  }
  const sessions = join(dataDir, 'sessions');
  const unpacked: string[] = [];
  async function unpack({ sessionId, ...packed }: PackedWorkspace): Promise<void> {
    if (await unpackWorkspace(sessions, sessionId, packed)) unpacked.push(sessionId);
  }
  return {
    store,
    identity: {},
    unpack,
    async giveUp() {
      for (const id of unpacked) await rm(join(sessions, id), { recursive: true, force: true });
    },
  };
}

import { rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { unpackWorkspace } from '../../hands/snapshots.ts';
import type { ClearOptions } from '../../store/archive/clear.ts';
import { clearUnfinished } from '../../store/archive/clear.ts';
import type { Amount } from '../../store/archive/counts.ts';
import type { Head, Tally } from '../../store/archive/format.ts';
import type { ImportOptions } from '../../store/archive/import.ts';
import { importArchive, requireSameSchema } from '../../store/archive/import.ts';
import { BadArchive } from '../../store/archive/lines.ts';
import type { Archive } from '../../store/archive/read-archive.ts';
import { readArchive } from '../../store/archive/read-archive.ts';
import { holdImportLock } from '../../store/engines/postgres-lock.ts';
import type { OpenAlone } from '../../store/open-alone.ts';
import { migrateNew, openPostgresBeside, openSqliteAlone } from '../../store/open-alone.ts';
import { knownMasterKey, masterKeyFiles, openMasterKey, opensCheck } from '../../vault/master-key.ts';
import type { Config } from '../config.ts';
import { readConfig } from '../config.ts';
import type { World } from '../world.ts';
import { archiveArguments, openInput } from './archive-file.ts';
import { counted } from './export.ts';
import type { Progress } from './progress.ts';
import { showProgress } from './progress.ts';

/** `anthill import FILE`: an archive of `anthill export` into an empty store; or `--from URL`. Resolves with the exit code. */
export async function importAll(args: readonly string[], world: World): Promise<number> {
  if (args.some((word) => /^--from(=|$)/.test(word)))
    return await (await import('./import-from-api.ts')).importFromApi(args, world);
  const { file, flags, switches } = archiveArguments(args, ['restart']);
  const config = readConfig(flags, world.env, world.cwd);
  const progress = showProgress(world);
  try {
    const total = file === '-' ? null : await requireWhole(file, world, progress);
    const archive = await begun(readArchive(openInput(file, world)));
    const tally = await importInto(config, archive, {
      isRestart: switches.has('restart'),
      told: (doing, amount) => progress.tell(doing, amount, doing === 'importing' ? total : null),
      goesOn(amount) {
        progress.end();
        world.stderr.write(`Going on where an import of this archive was: ${amount.rows} rows are there.\n`);
      },
    });
    progress.end();
    world.stdout.write(
      `Imported ${counted(tally)}; every row and content was read back and is as in the archive.\n`,
    );
    world.stdout.write(
      'API keys are those of the other server. Stop it before this one starts: both would go on with the same sessions.\n',
    );
    return 0;
  } finally {
    progress.end();
  }
}

/** A file is read once before anything is made of it: what it has. */
async function requireWhole(file: string, world: World, progress: Progress): Promise<Amount> {
  const archive = await begun(readArchive(openInput(file, world)));
  requireSameSchema(archive);
  await begun(archive.toEnd((amount) => progress.tell('checking the archive', amount)));
  return archive.amount();
}

/** Of an archive of which nothing was imported so far. */
async function begun<T>(reading: Promise<T>): Promise<T> {
  return await reading.catch((cause: unknown) => {
    if (!(cause instanceof BadArchive)) throw cause;
    throw new BadArchive(`${cause.message}; nothing was imported`, { cause });
  });
}

type Steps = Pick<ImportOptions, 'told' | 'goesOn'> & { readonly isRestart: boolean };

async function importInto(config: Config, archive: Archive, { isRestart, ...steps }: Steps): Promise<Tally> {
  requireSameSchema(archive);
  const key = requireKey(archive.head, config);
  const target = await openTarget(config, archive.head, key);
  try {
    if (await clearUnfinished(target.store, { isWanted: isRestart, discard: target.discard }))
      target.forgetKey();
    target.keepKey();
    return await importArchive(target.store, archive, { ...target, ...steps });
  } finally {
    await target.close();
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

type Target = Pick<ImportOptions, 'identity' | 'unpack'> &
  Pick<ClearOptions, 'discard'> & {
    readonly store: OpenAlone;
    /** Of secrets: makes what a server knows it by. Throws when there is another. */
    keepKey(): void;
    /** There are no secrets any more. */
    forgetKey(): void;
    close(): Promise<void>;
  };

async function openTarget(config: Config, head: Head, key: Uint8Array | null): Promise<Target> {
  return config.database === null
    ? await openDirectory(config, key)
    : await openDatabase(config.database, { config, head, key });
}

async function openDatabase(
  { url, directUrl }: { readonly url: string; readonly directUrl: string },
  { config, head, key }: { readonly config: Config; readonly head: Head; readonly key: Uint8Array | null },
): Promise<Target> {
  const letGo = await holdImportLock(directUrl);
  try {
    const store = await openPostgresBeside({ url, filesDir: config.filesDir }, systemClock);
    const close = async () => {
      await store.close();
      await letGo();
    };
    const identity = key && head.master_key_check ? { master_key_check: head.master_key_check } : {};
    await migrateNew(store.engine).catch(async (cause: unknown) => {
      await store.close();
      throw cause;
    });
    return { store, identity, unpack: null, discard: async () => {}, keepKey() {}, forgetKey() {}, close };
  } catch (cause) {
    await letGo();
    throw cause;
  }
}

async function openDirectory(
  { dataDir, filesDir, masterKey }: Config,
  key: Uint8Array | null,
): Promise<Target> {
  const store = await openSqliteAlone({ dataDir, filesDir }, systemClock);
  const sessions = join(dataDir, 'sessions');
  return {
    store,
    identity: {},
    async unpack({ sessionId, ...packed }) {
      await unpackWorkspace(sessions, sessionId, packed);
    },
    discard: (sessionId) => rm(join(sessions, sessionId), { recursive: true, force: true, maxRetries: 3 }),
    keepKey() {
      if (key !== null) openMasterKey(dataDir, masterKey);
    },
    forgetKey: () => rmSync(masterKeyFiles(dataDir).check, { force: true }),
    close: store.close,
  };
}

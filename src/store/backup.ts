import { constants, existsSync, readdirSync } from 'node:fs';
import { copyFile, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { backupAttemptsMax } from '../domain/limits.ts';
import { openDataDirectory } from './data-directory.ts';
import { makeDirectory, syncDirectory } from './directories.ts';
import { openSqlite } from './engines/sqlite.ts';
import { schemaOfData } from './migrations.ts';
import { refuseUnfinishedImport } from './unfinished-import.ts';

export type BackupOptions = {
  readonly dataDir: string;
  /** The content of files. */
  readonly filesDir: string;
  /** Becomes a data directory. What an earlier backup has left in it is not copied again. */
  readonly directory: string;
  /** Copies the files of a session's sandbox, if it has any. */
  readonly copyWorkspace: (sessionId: string) => Promise<boolean>;
};

export type BackedUp = { readonly copied: number; readonly kept: number; readonly workspaces: number };

/** Another file of the database is the older backup until this one is whole. */
const next = 'anthill.db.new';

/**
 * Copies the database as it is at one moment, while a server may use it, and then all content that it names: content
 * is never overwritten. Content that was deleted meanwhile makes it begin again, with what it has already.
 */
export async function backUp(options: BackupOptions): Promise<BackedUp> {
  const { dataDir, directory } = options;
  const lock = openDataDirectory(directory);
  try {
    await refuseHalf(join(dataDir, 'anthill.db'));
    for (let attempt = 1; ; attempt++) {
      await copyDatabase(join(dataDir, 'anthill.db'), join(directory, next));
      try {
        return await copyTheRest(options);
      } catch (cause) {
        if (!(cause instanceof Gone) || attempt >= backupAttemptsMax) throw cause;
      }
    }
  } finally {
    lock.close();
  }
}

async function refuseHalf(path: string): Promise<void> {
  const engine = openSqlite(path);
  try {
    await refuseUnfinishedImport(engine.read, await schemaOfData(engine.read));
  } finally {
    await engine.close();
  }
}

/** What the copy of the database names is there no more. */
class Gone extends Error {}

async function copyDatabase(from: string, to: string): Promise<void> {
  for (const suffix of ['', '-journal', '-wal', '-shm']) await rm(`${to}${suffix}`, { force: true });
  const database = new Database(from, { fileMustExist: true, timeout: 30_000 });
  try {
    // One read transaction: who writes is not kept waiting, and nothing deleted comes along.
    database.prepare('vacuum into ?').run(to);
  } finally {
    database.close();
  }
  await sync(to, 0o600);
}

async function copyTheRest(options: BackupOptions): Promise<BackedUp> {
  const { dataDir, filesDir, directory } = options;
  const database = new Database(join(directory, next), { readonly: true });
  try {
    const contents = namedContents(database);
    const bodies = namedBodies(database);
    let copied = 0;
    for (const name of contents)
      copied += await copyOnce(join(filesDir, name), join(directory, 'files', name));
    for (const name of bodies)
      copied += await copyOnce(join(dataDir, 'blobs', name), join(directory, 'blobs', name));
    let workspaces = 0;
    for (const id of liveSessions(database)) workspaces += Number(await options.copyWorkspace(id));
    const { size } = contents;
    await publish(directory);
    await removeOthers(join(directory, 'files'), contents);
    await removeOthers(join(directory, 'blobs'), bodies);
    return { copied, kept: size + bodies.size - copied, workspaces };
  } finally {
    database.close();
  }
}

/** As paths below the directory of content. */
function namedContents(database: Database.Database): ReadonlySet<string> {
  const rows = database
    .prepare(
      `select sha256 from files where sha256 is not null union select sha256 from skill_versions
        union select sha256 from session_snapshots`,
    )
    .all() as { readonly sha256: string }[];
  return new Set(rows.map(({ sha256 }) => join(sha256.slice(0, 2), sha256)));
}

/** As paths below the directory of bodies. */
function namedBodies(database: Database.Database): ReadonlySet<string> {
  const rows = database
    .prepare(`select session_id, substr(body, 2) as name from entries where body like '@%'`)
    .all() as { readonly session_id: string; readonly name: string }[];
  return new Set(rows.map((row) => join(row.session_id, row.name)));
}

function liveSessions(database: Database.Database): readonly string[] {
  const rows = database.prepare('select id from sessions where archived_at_us is null').all();
  return (rows as { readonly id: string }[]).map(({ id }) => id);
}

/** 1: it was not there yet. */
async function copyOnce(from: string, to: string): Promise<0 | 1> {
  if (existsSync(to)) return 0;
  makeDirectory(dirname(to));
  const temporary = `${to}.new`;
  try {
    await rm(temporary, { force: true });
    await copyFile(from, temporary, constants.COPYFILE_FICLONE);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT' || existsSync(from)) throw cause;
    throw new Gone(`${from} is missing: the database names it`, { cause });
  }
  await sync(temporary, 0o600);
  await rename(temporary, to);
  syncDirectory(dirname(to));
  return 1;
}

async function sync(path: string, mode: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.chmod(mode);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function publish(directory: string): Promise<void> {
  const database = join(directory, 'anthill.db');
  for (const suffix of ['-wal', '-shm']) await rm(`${database}${suffix}`, { force: true });
  await rename(join(directory, next), database);
  syncDirectory(directory);
}

async function removeOthers(directory: string, named: ReadonlySet<string>): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  for (const folder of readdirSync(directory))
    for (const name of readdirSync(join(directory, folder)))
      if (!named.has(join(folder, basename(name)))) await rm(join(directory, folder, name), { force: true });
}

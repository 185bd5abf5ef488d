import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';

export type DataDirectory = { readonly path: string; close(): void };

/** Another server has this directory open. */
export class DirectoryInUse extends Error {}

function unwritable(path: string, cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message.split(',')[0] : String(cause);
  return new Error(
    `the data directory ${path} cannot be written (${reason}); make it this user's, or choose another --data`,
    { cause },
  );
}

/**
 * Creates the directory 0700 and locks it for this process. The lock is SQLite's own on a file of its
 * own: the kernel gives it back when the process dies, however it dies.
 */
export function openDataDirectory(path: string): DataDirectory {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    chmodSync(path, 0o700);
  } catch (cause) {
    throw unwritable(path, cause);
  }
  const lock = new Database(join(path, 'lock.db'), { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    lock.close();
    if (!(cause instanceof Database.SqliteError && cause.code === 'SQLITE_BUSY')) throw cause;
    throw new DirectoryInUse(`another Anthill process is using ${path}; stop it or choose another --data`, {
      cause,
    });
  }
  return { path, close: () => lock.close() };
}

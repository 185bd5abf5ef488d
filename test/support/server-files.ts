import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { ServerHome } from './server.ts';

type Column = 'downloadable' | 'expires_at_us' | 'session_id';

/** Changes a file's row behind the server's back: what no client can do, or only by waiting. */
export function setFile(home: ServerHome, id: string, column: Column, value: number | string): void {
  const database = new Database(join(home.dataDir, 'anthill.db'), { timeout: 5_000 });
  const { changes } = database.prepare(`update files set ${column} = ? where id = ?`).run(value, id);
  database.close();
  if (changes !== 1) throw new Error(`no file ${id}`);
}

/** What lies on disk: the contents by their SHA-256, and what waits for a row or for its removal. */
export function filesOnDisk(home: ServerHome): { contents: string[]; pending: string[] } {
  const directory = join(home.dataDir, 'files');
  const folders = readdirSync(directory).filter((name) => name !== 'pending');
  return {
    contents: folders.flatMap((folder) => readdirSync(join(directory, folder))).sort(),
    pending: readdirSync(join(directory, 'pending')),
  };
}

/** Bytes of what is being taken in. */
export function pendingBytes(home: ServerHome): number {
  const pending = join(home.dataDir, 'files', 'pending');
  return readdirSync(pending).reduce((sum, name) => sum + statSync(join(pending, name)).size, 0);
}

/** Outputs that a session is said to have had, behind the server's back. */
export function fillOutputs(home: ServerHome, sessionId: string, count: number): void {
  const database = new Database(join(home.dataDir, 'anthill.db'), { timeout: 5_000 });
  const insert = database.prepare("insert into session_outputs values (?, ?, 'x', null, 'x', 1)");
  database.transaction(() => {
    for (let at = 0; at < count; at++) insert.run(sessionId, `earlier/${at}`);
  })();
  database.close();
}

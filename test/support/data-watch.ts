import { globSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { ServerHome } from './server.ts';
import { filesOnDisk } from './server-files.ts';

/** The data directory of a live server, looked at from outside. */
export type DataWatch = {
  /** Another one after every commit. */
  version(): number;
  /** Resolves when no session is at work and nothing is staged. */
  settled(): Promise<void>;
  /** What lies in the directory that no row names, and what SQLite finds wrong with its file. */
  complaints(): readonly string[];
  /** Rows of a table, which may go on with a condition. */
  count(table: string): number;
  close(): void;
};

const settleMsMax = 10_000;

export function watchData(home: ServerHome): DataWatch {
  const database = new Database(join(home.dataDir, 'anthill.db'), { readonly: true });
  const busy = database
    .prepare(
      `select count(*) from sessions where status in ('running', 'rescheduling') or lease_until_us is not null`,
    )
    .pluck();
  const isBusy = () => busy.get() !== 0 || readdirSync(join(home.dataDir, 'files/pending')).length > 0;
  return {
    version: () => Number(database.pragma('data_version', { simple: true })),
    async settled() {
      const deadline = Date.now() + settleMsMax;
      while (isBusy()) {
        if (Date.now() > deadline) throw new Error('the server does not come to rest');
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    },
    complaints: () => [
      ...(database.pragma('integrity_check') as { integrity_check: string }[])
        .map((row) => row.integrity_check)
        .filter((line) => line !== 'ok'),
      ...(database.pragma('foreign_key_check') as object[]).map((row) => JSON.stringify(row)),
      ...unnamed(home, database),
    ],
    count: (table) => Number(database.prepare(`select count(*) from ${table}`).pluck().get()),
    close: () => database.close(),
  };
}

/** Contents and bodies that no row names, and those that a row names and that are not there. */
function unnamed(home: ServerHome, database: Database.Database): string[] {
  const { contents, pending } = filesOnDisk(home);
  const column = (query: string) => database.prepare(query).pluck().all() as string[];
  const named = column(
    'select sha256 from files where sha256 is not null union select sha256 from skill_versions',
  );
  const bodies = globSync('*/*', { cwd: join(home.dataDir, 'blobs') }).map(
    (path) => path.split('/')[1] ?? '',
  );
  const inLog = new Set(column(`select substr(body, 2) from entries where substr(body, 1, 1) = '@'`));
  return [
    ...pending.map((name) => `staged: ${name}`),
    ...difference(contents, named).map((name) => `content of no row: ${name}`),
    ...difference(named, contents).map((name) => `row without content: ${name}`),
    ...bodies.filter((name) => !inLog.has(name)).map((name) => `body of no entry: ${name}`),
  ];
}

function difference(some: readonly string[], others: readonly string[]): string[] {
  const known = new Set(others);
  return some.filter((each) => !known.has(each));
}

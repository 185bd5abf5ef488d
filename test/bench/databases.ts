import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import type { Store } from '../../src/store/open.ts';
import { openStore } from '../../src/store/open.ts';
import { openPostgresStore } from '../../src/store/open-postgres.ts';
import type { Subject } from '../contract/subject.ts';
import { openSubject } from '../contract/subject.ts';
import { startPostgres } from '../support/postgres.ts';
import type { Row } from './statistics.ts';
import { measure, rowOf, table } from './statistics.ts';

const clients = [1, 16, 64];

/** What an append costs on either database, to sessions of their own and to one that is hot. PostgreSQL syncs to disk as SQLite does. */
export async function benchDatabases(directory: string): Promise<void> {
  const postgres = await startPostgres(['fsync=on', 'full_page_writes=on']);
  const rows: Row[] = [];
  const sqlite = (options: object): Promise<Store> =>
    openStore({ dataDir: join(directory, 'sqlite'), clock: systemClock, afterCommit() {}, ...options });
  const url = await postgres.newDatabase();
  const onPostgres = (options: object): Promise<Store> =>
    openPostgresStore({
      dataDir: join(directory, 'postgres'),
      filesDir: join(directory, 'files'),
      url,
      directUrl: url,
      clock: systemClock,
      afterCommit() {},
      heard() {},
      reopened() {},
      missed() {},
      ...options,
    });
  for (const [name, make] of [
    ['SQLite', sqlite],
    ['PostgreSQL', onPostgres],
  ] as const) {
    const subject = await openSubject(make);
    for (const lanes of clients) rows.push(...(await appends(subject, name, lanes)));
    await subject.close();
  }
  console.log(table(rows));
  await postgres.remove();
}

async function appends(subject: Subject, name: string, lanes: number): Promise<Row[]> {
  const rounds = Math.ceil(640 / lanes);
  const ids = Array.from({ length: lanes }, (_, lane) => `sesn_${lanes}_${lane}`);
  for (const id of ids) await subject.create({ id });
  const own = await measure(
    lanes,
    rounds,
    async (lane) => void (await subject.send(ids[lane] ?? '', 'hello')),
  );
  const hot = await measure(lanes, rounds, async () => void (await subject.send(ids[0] ?? '', 'hello')));
  return [rowOf(`${name}: append × ${lanes}`, own), rowOf(`${name}: append to one session × ${lanes}`, hot)];
}

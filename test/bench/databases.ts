import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import type { Store } from '../../src/store/open.ts';
import { openStore } from '../../src/store/open.ts';
import { openPostgresStore } from '../../src/store/open-postgres.ts';
import type { Subject } from '../contract/subject.ts';
import { openSubject } from '../contract/subject.ts';
import { startPostgres } from '../support/postgres.ts';
import { createClient } from './client.ts';
import type { Server } from './processes.ts';
import { startServer } from './processes.ts';
import type { Row } from './statistics.ts';
import { measure, rowOf, table } from './statistics.ts';
import { sessionsOf } from './stream-sessions.ts';
import { turns } from './turns.ts';

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
      isHeard: () => false,
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
  console.log();
  console.log(table(await serversOnOneDatabase(directory, await postgres.newDatabase())));
  await postgres.remove();
}

/** Text turns of one server, then of two that share its database, this machine's processors and the load client. */
async function serversOnOneDatabase(directory: string, url: string): Promise<Row[]> {
  const env = { DATABASE_URL: url, ANTHILL_MASTER_KEY: Buffer.alloc(32, 7).toString('base64') };
  const servers = [await startServer(join(directory, 'first'), '', env)];
  const rows: Row[] = [];
  for (const lanes of clients) rows.push(await textTurns(servers, lanes));
  servers.push(
    await startServer(join(directory, 'second'), '', { ...env, ANTHILL_API_KEY: servers[0]?.apiKey ?? '' }),
  );
  for (const lanes of clients) rows.push(await textTurns(servers, lanes));
  for (const server of servers) await server.stop();
  return rows;
}

async function textTurns(servers: readonly Server[], lanes: number): Promise<Row> {
  const parts = await Promise.all(
    servers.map(async (server) => {
      const client = createClient(server.baseUrl, server.apiKey);
      const make = await sessionsOf(client, []);
      const session = async () => `${await make()}/events`;
      const row = await turns(server, {
        client,
        session,
        lanes: Math.ceil(lanes / servers.length),
        text: 'text',
      });
      client.close();
      return row.cells;
    }),
  );
  const mean = (title: string) => parts.reduce((sum, cells) => sum + (cells[title] ?? 0), 0) / parts.length;
  const cells = {
    'p50 ms': mean('p50 ms'),
    'p99 ms': mean('p99 ms'),
    'per s': mean('per s') * parts.length,
    'CPU ms each': mean('CPU ms each'),
  };
  return {
    name: `PostgreSQL: text turn × ${lanes}, ${servers.length} server${servers.length > 1 ? 's' : ''}`,
    cells,
  };
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

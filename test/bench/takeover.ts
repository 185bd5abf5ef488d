import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { startPostgres } from '../support/postgres.ts';
import type { Client } from './client.ts';
import { createClient } from './client.ts';
import { listen } from './listener.ts';
import type { Server } from './processes.ts';
import { endless, startServer } from './processes.ts';
import { table, timesRow } from './statistics.ts';
import { headersOf, idOf, message, sessionsOf } from './stream-sessions.ts';

const kills = 40;
const crowdedKills = 10;
const crowd = 16;
const stops = 20;
const leaseSeconds = 5;
const restarts = 8;
const runningSessions = 200;

/** From the end of a server to the first thing that another one, or its next start, does with a session that was in the middle of a reply. */
export async function benchTakeover(directory: string): Promise<void> {
  const postgres = await startPostgres(['fsync=on', 'full_page_writes=on']);
  const pair = await startPair(directory, await postgres.newDatabase());
  const alone = await pair.killed(kills, 1);
  const crowded = await pair.killed(crowdedKills, crowd);
  const stopped = await pair.stopped();
  await pair.stop();
  await postgres.remove();
  const { ready, first, all, ended } = await restarted(directory);
  console.log(
    table([
      timesRow('kill -9, another server goes on', alone),
      timesRow(`… with each of ${crowd} sessions`, crowded),
      timesRow(`SIGSTOP, lease of ${leaseSeconds} s`, stopped),
      timesRow('kill -9 alone: ready after spawn', ready),
      timesRow(`… the first of ${runningSessions} sessions goes on`, first),
      timesRow('… all of them go on', all),
      timesRow('… all turns are over', ended),
    ]),
  );
}

type Pair = {
  /** Milliseconds, a sample for each session. */
  killed(rounds: number, sessions: number): Promise<number[]>;
  stopped(): Promise<number[]>;
  stop(): Promise<void>;
};

/** The replies of the first server do not end, those of the second do at once. */
async function startPair(directory: string, url: string): Promise<Pair> {
  const env = {
    DATABASE_URL: url,
    ANTHILL_MASTER_KEY: Buffer.alloc(32, 7).toString('base64'),
    ANTHILL_API_KEY: 'sk-ant-of-both',
    ANTHILL_LEASE_SECONDS: String(leaseSeconds),
  };
  const start = (name: string, replies?: string) => startServer(join(directory, name), '', env, replies);
  let dying = await start('dying', endless);
  const heir = await start('heir');
  const client = createClient(heir.baseUrl, heir.apiKey);
  const make = await sessionsOf(client, []);

  async function round(count: number, end: () => Promise<void>): Promise<number[]> {
    const paths = await Promise.all(Array.from({ length: count }, make));
    const streams = await Promise.all(paths.map((path) => begun(dying, heir, path)));
    const first = streams.map((stream) => stream.heard('event: '));
    const from = performance.now();
    const [times] = await Promise.all([Promise.all(first), end()]);
    for (const stream of streams) stream.close();
    return times.map((time) => time - from);
  }

  return {
    async killed(rounds, sessions) {
      const ms: number[] = [];
      while (ms.length < rounds * sessions) {
        ms.push(...(await round(sessions, () => dying.signal('SIGKILL'))));
        dying = await start('dying', endless);
      }
      return ms;
    },
    async stopped() {
      const ms: number[] = [];
      while (ms.length < stops) {
        // Servers that have known each other for a lease may take over.
        await sleep(leaseSeconds * 1000);
        ms.push(...(await round(1, () => dying.signal('SIGSTOP'))));
        await dying.signal('SIGCONT');
      }
      return ms;
    },
    async stop() {
      client.close();
      await Promise.all([dying.stop(), heir.stop()]);
    },
  };
}

/** Its model was asked at one server; a stream of the other has shown that. */
async function begun(at: Server, seenAt: Server, path: string) {
  const stream = await listen(seenAt.baseUrl, `${path}/events/stream`, headersOf(seenAt));
  const asked = stream.heard('event: span.model_request_start');
  const client = createClient(at.baseUrl, at.apiKey);
  await client.post(`${path}/events`, message('go'));
  await asked;
  client.close();
  return stream;
}

/** All sessions of an embedded server are in the middle of a reply when it is killed. Milliseconds since the next spawn. */
async function restarted(directory: string) {
  const home = join(directory, 'embedded');
  const times = { ready: [] as number[], first: [] as number[], all: [] as number[], ended: [] as number[] };
  for (let round = 0; round < restarts; round++) {
    const server = await startServer(home, '', {}, endless);
    const client = createClient(server.baseUrl, server.apiKey);
    const paths = await running(client);
    client.close();
    await server.signal('SIGKILL');
    const spawnedAtMs = Date.now();
    const next = await startServer(home);
    await atRest(join(home, 'data/anthill.db'));
    const after = createClient(next.baseUrl, next.apiKey);
    const { first, last } = await eventTimes(after, paths, spawnedAtMs);
    after.close();
    await next.stop();
    times.ready.push(next.readyMs);
    times.first.push(Math.min(...first));
    times.all.push(Math.max(...first));
    times.ended.push(Math.max(...last));
  }
  return times;
}

async function running(client: Client): Promise<string[]> {
  const make = await sessionsOf(client, []);
  const paths: string[] = [];
  while (paths.length < runningSessions) {
    const path = await make();
    await client.post(`${path}/events`, message('go'));
    paths.push(path);
  }
  return paths;
}

/** Asked where it costs the server nothing. */
async function atRest(file: string): Promise<void> {
  const database = new Database(file, { readonly: true });
  const count = database.prepare("select count(*) from sessions where status = 'running'").pluck();
  while (count.get() !== 0) await sleep(20);
  database.close();
}

/** Of each session: its first and its last event since then, by the server's clock. */
async function eventTimes(client: Client, paths: readonly string[], sinceMs: number) {
  const first: number[] = [];
  const last: number[] = [];
  for (const path of paths) {
    const { data } = await client.get(`${path}/events?limit=100`);
    const ms = (data as { processed_at: string }[])
      .map(({ processed_at }) => Date.parse(processed_at) - sinceMs)
      .filter((since) => since > 0);
    if (ms.length === 0) throw new Error(`${idOf(path)} did not go on`);
    first.push(Math.min(...ms));
    last.push(Math.max(...ms));
  }
  return { first, last };
}

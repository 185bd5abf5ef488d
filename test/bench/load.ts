import { join } from 'node:path';
import type { Client } from './client.ts';
import { createClient } from './client.ts';
import type { Inspector } from './inspector.ts';
import { openInspector } from './inspector.ts';
import type { Server } from './processes.ts';
import { somePort, startServer } from './processes.ts';
import type { Row } from './statistics.ts';
import { measure, quantile, table } from './statistics.ts';
import { message, sessionsOf, turn } from './stream-sessions.ts';

const idleSessions = 5_000;
const runningSessions = 1_000;
const lanes = 32;
/** A day: so many new sessions, each with so many turns; those of two days before are archived. */
const week = { days: 7, sessionsPerDay: 400, turnsPerSession: 3 };

/** Many sessions at once, and a week of them: what they take, and whether memory stays what it is. */
export async function benchLoad(directory: string): Promise<void> {
  const inspectorPort = somePort();
  const server = await startServer(join(directory, 'load'), `--inspect=127.0.0.1:${inspectorPort}`);
  const inspector = await openInspector(inspectorPort);
  const client = createClient(server.baseUrl, server.apiKey);
  const session = await sessionsOf(client, []);
  const watched = { server, inspector };
  const rows = [await memory('just started', watched)];
  rows.push(...(await oneWeek(client, session, watched)));
  const paths = new Array<string>(idleSessions);
  await measure(lanes, Math.ceil(idleSessions / lanes), async (lane, round) => {
    paths[round * lanes + lane] = await session();
  });
  rows.push(await memory(`${idleSessions} more that are idle`, watched));
  const cpuBefore = server.cpuMs();
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  const idleMs = server.cpuMs() - cpuBefore;
  const { wallMs, ms } = await allAtOnce(client, paths.slice(0, runningSessions));
  rows.push(await memory(`${runningSessions} of them had a turn at once`, watched));
  console.log(table(rows));
  console.log(`\nprocessor time of ${idleSessions} idle sessions: ${(idleMs / 10).toFixed(1)} ms a second`);
  console.log(
    `${runningSessions} turns at once: the first ended after ${quantile(ms, 0).toFixed(0)} ms, half after ${quantile(ms, 0.5).toFixed(0)}, all after ${wallMs.toFixed(0)}`,
  );
  inspector.close();
  client.close();
  await server.stop();
}

async function oneWeek(client: Client, session: () => Promise<string>, watched: Watched): Promise<Row[]> {
  const rows: Row[] = [];
  const days: string[][] = [];
  for (let day = 1; day <= week.days; day++) {
    const made: string[] = [];
    const begun = performance.now();
    await measure(lanes, Math.ceil(week.sessionsPerDay / lanes), async () => {
      const path = await session();
      for (let turns = 0; turns < week.turnsPerSession; turns++) await turn(client, path);
      made.push(path);
    });
    days.push(made);
    const old = days[day - 3] ?? [];
    await measure(lanes, Math.ceil(old.length / lanes), async (lane, round) => {
      const path = old[round * lanes + lane];
      if (path) await client.post(`${path}/archive`, {});
    });
    const turnsPerSecond = (made.length * week.turnsPerSession * 1000) / (performance.now() - begun);
    const { name, cells } = await memory(`day ${day}: ${made.length} sessions`, watched);
    rows.push({ name, cells: { ...cells, 'turns per s': turnsPerSecond } });
  }
  return rows;
}

type Watched = { readonly server: Server; readonly inspector: Inspector };

/** What the process has, and what of it is in use once all garbage is collected. */
async function memory(name: string, { server, inspector }: Watched): Promise<Row> {
  const MiB = server.memoryMiB();
  return { name, cells: { MiB, 'in use': await inspector.collectGarbage(), 'turns per s': null } };
}

/** A message to each, then all of them to their end. */
async function allAtOnce(client: Client, paths: readonly string[]) {
  const streams = await Promise.all(paths.map((path) => client.stream(`${path}/events/stream`)));
  const begun = performance.now();
  const ms = await Promise.all(
    paths.map(async (path, index) => {
      await client.post(`${path}/events`, message('Tidy up, please.'));
      await streams[index]?.idle();
      return performance.now() - begun;
    }),
  );
  const wallMs = performance.now() - begun;
  for (const stream of streams) stream.close();
  return { ms, wallMs };
}

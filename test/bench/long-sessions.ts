import { join } from 'node:path';
import type { Client, Stream } from './client.ts';
import { createClient } from './client.ts';
import { lengthen } from './long-log.ts';
import { startServer } from './processes.ts';
import type { Row } from './statistics.ts';
import { quantile, timesRow } from './statistics.ts';
import { idOf, message, sessionsOf, turn } from './stream-sessions.ts';

const lengths = [100, 100_000];
const rounds = 20;
const turnsPerRound = 5;

/** Turns of sessions that differ in the length of their logs only: they take turns on one server. */
export async function longSessions(directory: string): Promise<{ rows: Row[]; ratio: number }> {
  const planted = join(directory, 'long');
  const before = await startServer(planted);
  const planter = createClient(before.baseUrl, before.apiKey);
  const session = await sessionsOf(planter, []);
  const paths: string[] = [];
  for (const _ of lengths) paths.push(await session());
  for (const path of paths) await turn(planter, path);
  planter.close();
  await before.stop();
  const events = new Map(paths.map((path, index) => [idOf(path), lengths[index] ?? 0]));
  await lengthen(join(planted, 'data'), events);
  const server = await startServer(planted);
  const client = createClient(server.baseUrl, server.apiKey);
  const first: number[] = [];
  const ms: number[][] = lengths.map(() => []);
  const streams: Stream[] = [];
  for (const path of paths) {
    const begun = performance.now();
    const stream = await client.stream(`${path}/events/stream`);
    await timed(client, path, stream);
    first.push(performance.now() - begun);
    streams.push(stream);
  }
  for (let round = 0; round < rounds; round++) {
    for (const [index, stream] of streams.entries()) {
      for (let i = 0; i < turnsPerRound; i++)
        ms[index]?.push(await timed(client, paths[index] ?? '', stream));
    }
  }
  for (const stream of streams) stream.close();
  client.close();
  await server.stop();
  const rows = lengths.flatMap((length, index) => [
    timesRow(`turn of a session of ${length} events`, ms[index] ?? []),
    timesRow(`… its first, the server just started`, [first[index] ?? 0]),
  ]);
  return { rows, ratio: quantile(ms[1] ?? [], 0.5) / quantile(ms[0] ?? [], 0.5) };
}

async function timed(client: Client, path: string, stream: Stream): Promise<number> {
  const begun = performance.now();
  await client.post(`${path}/events`, message('Tidy up, please.'));
  await stream.idle();
  return performance.now() - begun;
}

import { join } from 'node:path';
import { createClient } from './client.ts';
import type { Listener } from './listener.ts';
import { listen } from './listener.ts';
import type { Server } from './processes.ts';
import { startFloor, startServer } from './processes.ts';
import type { Row } from './statistics.ts';
import { timesRow } from './statistics.ts';
import { headersOf, sessionOf } from './stream-sessions.ts';

const clients = 1_000;
const rounds = 20;
const atOnce = 50;
const mark = 'event: session.updated';

/** From the post of a change to its event's arrival, at each of many clients of one session. */
export async function fanOut(directory: string): Promise<Row[]> {
  const floor = await startFloor('floor-streams.ts', join(directory, 'fan-out.db'));
  const server = await startServer(join(directory, 'fan-out'));
  const client = createClient(server.baseUrl, server.apiKey);
  const session = await sessionOf(client);
  client.close();
  const floorStreams = await openAll(floor, '/live');
  const streams = await openAll(server, `${session}/events/stream`);
  const floorMs: number[] = [];
  const ms: number[] = [];
  // The first rounds are not counted: nothing is measured before all code has run.
  for (let round = -3; round < rounds; round++) {
    const some = await arrivals(floor, '/', floorStreams, round);
    const others = await arrivals(server, session, streams, round);
    if (round < 0) continue;
    floorMs.push(...some);
    ms.push(...others);
  }
  for (const stream of [...floorStreams, ...streams]) stream.close();
  await Promise.all([floor.stop(), server.stop()]);
  return [timesRow('floor: one event to 1 000 clients', floorMs), timesRow('one event to 1 000 clients', ms)];
}

async function openAll(server: Server, path: string): Promise<Listener[]> {
  const all: Listener[] = [];
  while (all.length < clients) {
    const some = Array.from({ length: atOnce }, () => listen(server.baseUrl, path, headersOf(server)));
    all.push(...(await Promise.all(some)));
  }
  return all;
}

async function arrivals(server: Server, path: string, streams: readonly Listener[], round: number) {
  const client = createClient(server.baseUrl, server.apiKey);
  const heard = streams.map((stream) => stream.heard(mark));
  const begun = performance.now();
  // About as long as the event that comes of it.
  const [times] = await Promise.all([Promise.all(heard), client.post(path, { title: `Round ${round}` })]);
  client.close();
  return times.map((time) => time - begun);
}

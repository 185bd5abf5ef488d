import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from './client.ts';
import { listen } from './listener.ts';
import { lengthen } from './long-log.ts';
import type { Server } from './processes.ts';
import { startFloor, startServer } from './processes.ts';
import type { Row } from './statistics.ts';
import { timesRow } from './statistics.ts';
import { headersOf, idOf, sessionOf, turn } from './stream-sessions.ts';

const events = 10_000;
const rounds = 10;

/** All events of a session but the first, from the request to the last one's arrival. */
export async function replay(directory: string): Promise<Row[]> {
  const { server, session, first, last } = await plant(join(directory, 'replay'));
  const path = `${session}/events/stream`;
  const headers = headersOf(server);
  const asks = {
    'replay of 10 000 events, ?after=': () =>
      arrival(server, { path: `${path}?after=${first}`, headers, mark: `id: ${last}\n` }),
    'replay of 10 000 events, Last-Event-ID': () =>
      arrival(server, { path, headers: { ...headers, 'last-event-id': first }, mark: `id: ${last}\n` }),
  };
  // The server has just started: it has to read the log for the session's state, too.
  const begun = await asks['replay of 10 000 events, ?after=']();
  const file = join(directory, 'replay.txt');
  writeFileSync(file, `${'x'.repeat(begun.bytes)}\nthe end\n`);
  const floor = await startFloor('floor-streams.ts', join(directory, 'replay.db'), file);
  const all = {
    'floor: the same bytes': () => arrival(floor, { path: '/replay', headers: {}, mark: 'the end' }),
    ...asks,
  };
  const ms = new Map(Object.keys(all).map((name) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, ask] of Object.entries(all)) ms.get(name)?.push((await ask()).ms);
  }
  await Promise.all([floor.stop(), server.stop()]);
  return [
    ...[...ms].map(([name, times]) => timesRow(name, times)),
    timesRow('replay of 10 000 events, just started', [begun.ms]),
  ];
}

async function plant(directory: string) {
  const before = await startServer(directory);
  const planter = createClient(before.baseUrl, before.apiKey);
  const session = await sessionOf(planter);
  await turn(planter, session);
  planter.close();
  await before.stop();
  await lengthen(join(directory, 'data'), new Map([[idOf(session), events + 1]]));
  const server = await startServer(directory);
  const client = createClient(server.baseUrl, server.apiKey);
  const end = async (order: string) => {
    const { data } = await client.get(`${session}/events?limit=1&order=${order}`);
    return (data as { id: string }[])[0]?.id ?? '';
  };
  const [first, last] = [await end('asc'), await end('desc')];
  client.close();
  return { server, session, first, last };
}

type Ask = {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly mark: string;
};

async function arrival({ baseUrl }: Server, { path, headers, mark }: Ask) {
  const begun = performance.now();
  const stream = await listen(baseUrl, path, headers);
  const ms = (await stream.heard(mark)) - begun;
  stream.close();
  return { ms, bytes: stream.bytes() };
}

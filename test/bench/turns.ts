import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import type { Client, Stream } from './client.ts';
import { createClient } from './client.ts';
import type { Server } from './processes.ts';
import { startFloor, startServer } from './processes.ts';
import type { Row, Samples } from './statistics.ts';
import { measure, rowOf, table, together } from './statistics.ts';

/** Sessions at once, one run after the other: fewer of them to try something out. */
export const lanesOfRuns = (process.env['BENCH_SESSIONS'] ?? '1,16,64,256').split(',').map(Number);
/** A longer conversation costs more, like every model's requests: what is measured is the turn. */
const turnsPerSession = 20;
export const rounds = (lanes: number) => Math.ceil(640 / lanes / 2) + 10;

/** What a turn costs, beside a server that makes two commits and does nothing else. */
export async function benchTurns(directory: string): Promise<void> {
  const rows: Row[] = [
    rowOf('floor: one durable commit', durableCommits(join(directory, 'commits.db'), 300)),
  ];
  const floor = await startFloor('floor-server.ts', join(directory, 'floor.db'));
  rows.push(...(await benchFloor(floor)));
  await floor.stop();

  const starts: number[] = [];
  for (let i = 0; i < 3; i++) {
    const server = await startServer(join(directory, `start-${i}`));
    starts.push(server.readyMs);
    await server.stop();
  }
  const server = await startServer(join(directory, 'server'));
  await sleep(3000);
  const idleMiB = server.memoryMiB();
  rows.push(...(await benchAnthill(server)));
  const afterMiB = server.memoryMiB();
  await server.stop();

  console.log(table(withRatios(rows)));
  console.log(`\nready after spawn: ${starts.map((ms) => Math.round(ms)).join(', ')} ms`);
  console.log(`memory: ${idleMiB.toFixed(0)} MiB idle, ${afterMiB.toFixed(0)} MiB after all of the above`);
}

/** Each turn beside the floor's with as many sessions: how many times as long it takes. */
function withRatios(rows: readonly Row[]): Row[] {
  return rows.map(({ name, cells }) => {
    const [, lanes] = /^text turn (× \d+)$/.exec(name) ?? [];
    const floor = rows.find((row) => row.name === `floor: two-commit turn ${lanes}`)?.cells['p50 ms'];
    const own = cells['p50 ms'];
    return {
      name,
      cells: {
        'p50 ms': null,
        'p99 ms': null,
        'per s': null,
        'CPU ms each': null,
        ...cells,
        '× floor': floor && own ? own / floor : null,
      },
    };
  });
}

function durableCommits(path: string, count: number): Samples {
  const database = new Database(path);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.exec('CREATE TABLE entry (body TEXT)');
  const insert = database.prepare('INSERT INTO entry VALUES (?)');
  const ms: number[] = [];
  const begun = performance.now();
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    insert.run('x'.repeat(300));
    ms.push(performance.now() - start);
  }
  const wallMs = performance.now() - begun;
  database.close();
  return { ms, wallMs };
}

async function benchFloor(floor: Server): Promise<Row[]> {
  const client = createClient(floor.baseUrl, 'none');
  await measure(1, 200, async () => void (await client.get('/')));
  const rows = [
    rowOf('floor: HTTP round trip', await measure(1, 500, async () => void (await client.get('/')))),
  ];
  for (const lanes of lanesOfRuns) {
    const paths = Array.from({ length: lanes }, (_, lane) => `/turns/${lanes}-${lane}`);
    const streams = await Promise.all(paths.map((path) => client.stream(path)));
    const turn = turnOf(client, paths, streams, 'text');
    const before = floor.cpuMs();
    const { cells } = rowOf('', await measure(lanes, rounds(lanes), turn));
    const cpuMs = (floor.cpuMs() - before) / (lanes * rounds(lanes));
    rows.push({ name: `floor: two-commit turn × ${lanes}`, cells: { ...cells, 'CPU ms each': cpuMs } });
    for (const stream of streams) stream.close();
  }
  client.close();
  return rows;
}

function turnOf(client: Client, paths: readonly string[], streams: readonly Stream[], text: string) {
  const message = { type: 'user.message', content: [{ type: 'text', text }] };
  return async (lane: number) => {
    await client.post(paths[lane] ?? '', { events: [message] });
    await streams[lane]?.idle();
  };
}

async function benchAnthill(server: Server): Promise<Row[]> {
  const { baseUrl, apiKey } = server;
  const client = createClient(baseUrl, apiKey);
  const environment = await client.post('/v1/environments', { name: 'bench' });
  const agentOf = (tools: unknown[]) =>
    client.post('/v1/agents', { name: 'bench', model: 'scripted/bench', tools });
  const plain = await agentOf([]);
  const handy = await agentOf([{ type: 'agent_toolset_20260401' }]);
  const sessionOf = async (agent: Record<string, unknown>) =>
    `/v1/sessions/${(await client.post('/v1/sessions', { agent: agent['id'], environment_id: environment['id'] }))['id']}/events`;
  const rows: Row[] = [];
  await measure(4, 50, async () => void (await sessionOf(plain)));
  for (const lanes of lanesOfRuns) {
    const create = async () => void (await sessionOf(plain));
    rows.push(rowOf(`session create × ${lanes}`, await measure(lanes, rounds(lanes), create)));
  }
  for (const lanes of lanesOfRuns) rows.push(await eventPosts(client, () => sessionOf(plain), lanes));
  for (const lanes of lanesOfRuns)
    rows.push(await turns(server, { client, session: () => sessionOf(plain), lanes, text: 'text' }));
  for (const lanes of lanesOfRuns)
    rows.push(await turns(server, { client, session: () => sessionOf(handy), lanes, text: 'tool' }));
  for (const lanes of lanesOfRuns) rows.push(await coldTurns(client, () => sessionOf(handy), lanes));
  client.close();
  return rows;
}

/** A message accepted by a session that waits for nothing: only the post is timed, its turn runs out outside. */
async function eventPosts(client: Client, session: () => Promise<string>, lanes: number): Promise<Row> {
  const paths = await Promise.all(Array.from({ length: lanes }, session));
  const streams = await Promise.all(paths.map((path) => client.stream(`${path}/stream`)));
  const message = { type: 'user.message', content: [{ type: 'text', text: 'text' }] };
  const ms: number[] = [];
  const { wallMs } = await measure(lanes, rounds(lanes), async (lane) => {
    const start = performance.now();
    await client.post(paths[lane] ?? '', { events: [message] });
    ms.push(performance.now() - start);
    await streams[lane]?.idle();
  });
  for (const stream of streams) stream.close();
  const { name, cells } = rowOf(`event post × ${lanes}`, { ms, wallMs });
  return { name, cells: { ...cells, 'per s': null } };
}

export type Turns = {
  readonly client: Client;
  /** Makes one; resolves with the path of its events. */
  readonly session: () => Promise<string>;
  readonly lanes: number;
  readonly text: 'text' | 'tool';
};

/** Turns in sessions that have had one of the kind: the sandbox, if any, is up. A new session after every twenty. */
export async function turns(server: Server, kind: Turns): Promise<Row> {
  const runs: Samples[] = [];
  let cpuMs = 0;
  for (const count of slices(kind.lanes)) {
    let before = 0;
    const run = await slice(kind, count, () => {
      before = server.cpuMs();
    });
    cpuMs += server.cpuMs() - before;
    runs.push(run);
  }
  const samples = together(runs);
  const { cells } = rowOf('', samples);
  return { name: titleOf(kind), cells: { ...cells, 'CPU ms each': cpuMs / samples.ms.length } };
}

export const titleOf = ({ text, lanes }: Pick<Turns, 'text' | 'lanes'>) =>
  text === 'text' ? `text turn × ${lanes}` : `one-tool turn, warm × ${lanes}`;

/** Turns of each lane, session by session. */
export function slices(lanes: number): number[] {
  const counts: number[] = [];
  for (let left = rounds(lanes); left > 0; left -= turnsPerSession)
    counts.push(Math.min(left, turnsPerSession));
  return counts;
}

/** Turns that a session has had before what is measured begins. */
export const warmTurns = 2;

/** So many turns of each lane, in a new session. */
export async function slice(
  { client, session, lanes, text }: Turns,
  count: number,
  isWarm = () => {},
): Promise<Samples> {
  const paths = await Promise.all(Array.from({ length: lanes }, session));
  const streams = await Promise.all(paths.map((path) => client.stream(`${path}/stream`)));
  const turn = turnOf(client, paths, streams, text);
  await measure(lanes, warmTurns, turn);
  isWarm();
  const samples = await measure(lanes, count, turn);
  for (const stream of streams) stream.close();
  return samples;
}

/** The first turn of a new session, message posted at once: its sandbox is not there yet. */
async function coldTurns(client: Client, session: () => Promise<string>, lanes: number): Promise<Row> {
  const ms: number[] = [];
  const { wallMs } = await measure(lanes, lanes === 1 ? 30 : 2, async () => {
    const path = await session();
    const stream = await client.stream(`${path}/stream`);
    const start = performance.now();
    await turnOf(client, [path], [stream], 'tool')(0);
    ms.push(performance.now() - start);
    stream.close();
    await client.post(path.replace(/events$/, 'archive'), {});
  });
  return rowOf(`one-tool turn, cold × ${lanes}`, { ms, wallMs });
}

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openConnection, requestBytes } from './connection.ts';
import type { Server } from './processes.ts';
import { startFloor, startServer } from './processes.ts';
import type { Row, Samples } from './statistics.ts';
import { measure, rowOf, table, together } from './statistics.ts';

const lanesOfRuns = [1, 16];
/** Runs of the servers take turns, so that a noisy moment of the machine is everybody's. */
const runs = 8;
const requestsPerRun = 1_000;

const agent = {
  name: 'bench',
  model: 'scripted/demo',
  system: 'You tidy up.',
  tools: [{ type: 'agent_toolset_20260401' }],
};

type Target = { readonly name: string; readonly server: Server };

/** One resource read and one created, beside servers that answer the same bytes without knowing what they say. */
export async function benchRequests(directory: string): Promise<void> {
  const anthill = await startServer(join(directory, 'requests'));
  const headers = {
    'x-api-key': anthill.apiKey,
    'anthropic-version': '2023-06-01',
    'anthropic-beta': 'managed-agents-2026-04-01',
    'content-type': 'application/json',
  };
  const post = requestBytes('POST', '/v1/agents', headers, JSON.stringify(agent));
  const connection = await openConnection(anthill.baseUrl);
  const made = await connection.ask(post);
  connection.close();
  const get = requestBytes('GET', `/v1/agents/${JSON.parse(made.toString()).id}`, headers);
  const answer = join(directory, 'answer.json');
  writeFileSync(answer, made);
  const floor = (kind: string) =>
    startFloor('floor-requests.ts', kind, answer, join(directory, `${kind}.db`));
  const targets: Target[] = [
    { name: 'floor: node:http', server: await floor('node') },
    { name: 'floor: Hono', server: await floor('hono') },
    { name: 'anthill', server: anthill },
  ];
  // What starts along with a server is over by then.
  await sleep(2000);
  const rows: Row[] = [];
  for (const [what, request] of [
    ['GET', get],
    ['POST', post],
  ] as const) {
    await compare(targets, request, 1);
    for (const lanes of lanesOfRuns) {
      const compared = await compare(targets, request, lanes);
      rows.push(...compared.map(({ name, cells }) => ({ name: `${what} × ${lanes}, ${name}`, cells })));
    }
  }
  for (const { server } of targets) await server.stop();
  console.log(table(rows));
}

async function compare(targets: readonly Target[], request: Buffer, lanes: number): Promise<Row[]> {
  const seen = targets.map((target) => ({ ...target, samples: [] as Samples[], cpuMs: 0 }));
  for (let run = 0; run < runs; run++) {
    for (const target of seen) {
      const before = target.server.cpuMs();
      target.samples.push(await load(target.server, request, lanes));
      target.cpuMs += target.server.cpuMs() - before;
    }
  }
  return seen.map(({ name, samples, cpuMs }) => {
    const all = together(samples);
    const row = rowOf(name, all);
    return { name, cells: { ...row.cells, 'per s of one core': (all.ms.length / cpuMs) * 1000 } };
  });
}

async function load({ baseUrl }: Server, request: Buffer, lanes: number): Promise<Samples> {
  const connections = await Promise.all(Array.from({ length: lanes }, () => openConnection(baseUrl)));
  const samples = await measure(lanes, requestsPerRun / lanes, async (lane) => {
    await connections[lane]?.ask(request);
  });
  for (const connection of connections) connection.close();
  return samples;
}

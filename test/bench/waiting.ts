import { join } from 'node:path';
import { createClient } from './client.ts';
import { openInspector } from './inspector.ts';
import { startServer } from './processes.ts';
import type { Row } from './statistics.ts';
import { measure } from './statistics.ts';
import { sessionsOf, turn } from './stream-sessions.ts';

const warmUp = 50;
const waiting = 1_000;
const lanes = 10;
const askFirst = {
  type: 'agent_toolset_20260401',
  default_config: { permission_policy: { type: 'always_ask' } },
};

/**
 * What sessions that wait for an approval cost in resident memory. Before each look all garbage is collected
 * through the inspector, and pages that this frees go back to the system; so nothing counts but what is held.
 */
export async function waitingSessions(directory: string): Promise<Row[]> {
  const inspectorPort = 10_000 + Math.floor(Math.random() * 10_000);
  const server = await startServer(join(directory, 'waiting'), `--inspect=127.0.0.1:${inspectorPort}`);
  const inspector = await openInspector(inspectorPort);
  const held = async () => {
    const heapMiB = await inspector.collectGarbage();
    return { 'MiB resident': server.memoryMiB(), 'MiB heap': heapMiB };
  };
  const idle = await held();
  const client = createClient(server.baseUrl, server.apiKey);
  const session = await sessionsOf(client, [askFirst]);
  const wait = (count: number) =>
    measure(lanes, count / lanes, async () => await turn(client, await session(), 'tool'));
  await wait(warmUp);
  const few = await held();
  await wait(waiting - warmUp);
  const many = await held();
  client.close();
  inspector.close();
  await server.stop();
  return [
    { name: 'just started', cells: idle },
    { name: `${warmUp} sessions wait for an approval`, cells: few },
    { name: '1 000 sessions wait for an approval', cells: many },
  ];
}

import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { openStore } from '../../src/store/open.ts';
import { createClient } from './client.ts';
import { startServer } from './processes.ts';

/** The rows that everything else is a copy of, as a server wrote them. */
export type Seed = {
  readonly dataDir: string;
  readonly workspaceId: string;
  readonly agentId: string;
  readonly sessionId: string;
  readonly storeId: string;
  readonly deploymentId: string;
  readonly createdAtUs: number;
};

export async function plant(directory: string): Promise<Seed> {
  const server = await startServer(directory);
  const client = createClient(server.baseUrl, server.apiKey);
  const make = async (path: string, body: object) => String((await client.post(path, body))['id']);
  const environmentId = await make('/v1/environments', { name: 'bench' });
  const agentId = await make('/v1/agents', {
    name: 'bench',
    model: 'scripted/bench',
    system: 'You tidy up.',
  });
  const sessionId = await make('/v1/sessions', { agent: agentId, environment_id: environmentId });
  const stream = await client.stream(`/v1/sessions/${sessionId}/events/stream`);
  const content = [{ type: 'text', text: 'Tidy up, please.' }];
  await client.post(`/v1/sessions/${sessionId}/events`, { events: [{ type: 'user.message', content }] });
  await stream.idle();
  stream.close();
  const storeId = await make('/v1/memory_stores', { name: 'bench' });
  await make(`/v1/memory_stores/${storeId}/memories`, { path: '/a.md', content: 'Keep it tidy.' });
  const deploymentId = await make('/v1/deployments', {
    name: 'bench',
    agent: agentId,
    environment_id: environmentId,
    initial_events: [{ type: 'user.message', content }],
  });
  await make(`/v1/deployments/${deploymentId}/run`, {});
  client.close();
  await server.stop();
  const dataDir = join(directory, 'data');
  const store = await openStore({ dataDir, clock: systemClock, afterCommit() {} });
  const workspaceId = await store.organization.identity.getOrCreate('workspace_id', () => '');
  const createdAtUs = (await store.log.state(sessionId))?.createdAtUs ?? 0;
  await store.close();
  return { dataDir, workspaceId, agentId, sessionId, storeId, deploymentId, createdAtUs };
}

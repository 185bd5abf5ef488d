import type { Client } from './client.ts';
import type { Server } from './processes.ts';

export const headersOf = ({ apiKey }: Pick<Server, 'apiKey'>) => ({
  'x-api-key': apiKey,
  'anthropic-version': '2023-06-01',
  'anthropic-beta': 'managed-agents-2026-04-01',
});

/** A session of a new agent. Its path. */
export async function sessionOf(client: Client, tools: readonly unknown[] = []): Promise<string> {
  return await (await sessionsOf(client, tools))();
}

/** Makes sessions of one new agent, which has `tools` and `more`. */
export async function sessionsOf(
  client: Client,
  tools: readonly unknown[],
  more: { readonly model: string; readonly system?: string } = { model: 'scripted/bench' },
): Promise<() => Promise<string>> {
  made += 1;
  // No two have the same name: some servers refuse that, of agents too.
  const name = `bench ${made}`;
  const environment = await client.post('/v1/environments', { name });
  const agent = await client.post('/v1/agents', { name, tools, ...more });
  const params = { agent: agent['id'], environment_id: environment['id'] };
  return async () => `/v1/sessions/${(await client.post('/v1/sessions', params))['id']}`;
}
let made = 0;

/** The id of the session at `path`. */
export const idOf = (path: string) => path.slice(path.lastIndexOf('/') + 1);

export function message(text: string) {
  return { events: [{ type: 'user.message', content: [{ type: 'text', text }] }] };
}

/** A turn of the session at `path`, to its end. */
export async function turn(client: Client, path: string, text = 'Tidy up, please.'): Promise<void> {
  const stream = await client.stream(`${path}/events/stream`);
  await client.post(`${path}/events`, message(text));
  await stream.idle();
  stream.close();
}

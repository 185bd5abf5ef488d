import assert from 'node:assert/strict';
import { join } from 'node:path';
import type Anthropic from '@anthropic-ai/sdk';
import Database from 'better-sqlite3';
import type { ServerHome, ServerProcess } from './server.ts';
import { createEnvironmentKey, workerWith } from './server-admin.ts';
import type { AgentParams, Session } from './server-sessions.ts';
import { message, toolset, uniqueName } from './server-sessions.ts';

type Works = Anthropic['beta']['environments']['work'];
export type Work = Awaited<ReturnType<Works['retrieve']>>;

/** A self-hosted environment and the client of a worker with its key. */
export type Queue = {
  readonly environmentId: string;
  readonly key: string;
  readonly worker: Anthropic;
  /** A session of `scripted/demo` with the sandbox tools unless told otherwise; with words its turn begins at once. */
  open(params?: Partial<AgentParams>, words?: string): Promise<Session>;
  /** What a poll hands out now. */
  poll(): Promise<Work | null>;
};

export async function openQueue(server: ServerProcess): Promise<Queue> {
  const { client } = server;
  const name = `hosted ${uniqueName()}`;
  const { id } = await client.beta.environments.create({ name, config: { type: 'self_hosted' } });
  const { secret } = await createEnvironmentKey(client, id);
  const worker = workerWith(server, secret);
  return {
    environmentId: id,
    key: secret,
    worker,
    async open(params, words) {
      const agent = await client.beta.agents.create({
        name: 'Ant',
        model: 'scripted/demo',
        tools: [toolset],
        ...params,
      });
      return await client.beta.sessions.create({
        agent: agent.id,
        environment_id: id,
        ...(words === undefined ? {} : { initial_events: [message(words)] }),
      });
    },
    poll: async () => await worker.beta.environments.work.poll(id),
  };
}

/** The time of a lease runs out behind the server's back: nobody waits for that in a test. */
export function endLease(home: ServerHome, sessionId: string): void {
  const database = new Database(join(home.dataDir, 'anthill.db'), { timeout: 5_000 });
  const { changes } = database
    .prepare("update work_items set lease_until_us = 1 where session_id = ? and state = 'active'")
    .run(sessionId);
  database.close();
  assert.equal(changes, 1, 'a worker has the session');
}

/** The token in the secret of an item. */
export function tokenOf({ secret }: Work): string {
  const { sessions_token } = JSON.parse(Buffer.from(secret ?? '', 'base64url').toString());
  return String(sessions_token);
}

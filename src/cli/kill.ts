import { routes } from '../protocol/routes.ts';
import type { Arguments } from './arguments.ts';
import { hasFlag, lastFlag } from './arguments.ts';
import type { Client } from './client.ts';
import { ApiFailure } from './client.ts';
import type { CliIo } from './io.ts';
import { UsageMistake } from './io.ts';

const statuses = { running: ['running', 'rescheduling'], any: ['running', 'rescheduling', 'idle'] } as const;
const noQuery = new URLSearchParams();
/** How long the end of a turn is waited for before a session is archived. */
const restMsMax = 30_000;
const pollMs = 100;

/**
 * `anthill sessions kill`: interrupts, and with `--archive` ends, sessions by id, of an agent, or all. Goes through
 * all of them whatever happens to one; the exit code is 1 when one could not be stopped.
 */
export async function killSessions({ words, flags }: Arguments, io: CliIo, client: Client): Promise<number> {
  const named = words.slice(2);
  const agent = lastFlag(flags, 'agent');
  const isAll = hasFlag(flags, 'all');
  if ([named.length > 0, agent !== null, isAll].filter(Boolean).length !== 1)
    throw new UsageMistake('say which sessions: anthill sessions kill ID…, --agent ID or --all');
  const isArchived = hasFlag(flags, 'archive');
  const ids = named.length > 0 ? named : await found(client, agent, isArchived ? 'any' : 'running');
  let failures = 0;
  for (const id of ids) {
    try {
      await interrupt(client, id);
      if (isArchived) await archive(client, id);
      io.stdout.write(`${id} ${isArchived ? 'archived' : 'interrupted'}\n`);
    } catch (cause) {
      if (!(cause instanceof ApiFailure)) throw cause;
      failures += 1;
      io.stderr.write(`${id} ${cause.message}\n`);
    }
  }
  if (ids.length === 0) io.stderr.write('nothing runs\n');
  return failures === 0 ? 0 : 1;
}

async function found(client: Client, agent: string | null, which: keyof typeof statuses): Promise<string[]> {
  const query = new URLSearchParams(
    statuses[which].map((status): [string, string] => ['statuses[]', status]),
  );
  if (agent !== null) query.set('agent_id', agent);
  const ids: string[] = [];
  const route = routes['beta.sessions list'];
  for await (const { id } of client.items({ route, ids: {}, query, body: null })) ids.push(String(id));
  return ids;
}

function interrupt(client: Client, id: string): Promise<unknown> {
  const route = routes['beta.sessions.events send'];
  const body = { events: [{ type: 'user.interrupt' }] };
  return client.json({ route, ids: { session_id: id }, query: noQuery, body });
}

async function archive(client: Client, id: string): Promise<void> {
  const ids = { session_id: id };
  const status = async () =>
    (await client.json({ route: routes['beta.sessions retrieve'], ids, query: noQuery, body: null }))[
      'status'
    ];
  for (let waited = 0; waited < restMsMax && (await status()) !== 'idle'; waited += pollMs)
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  await client.json({ route: routes['beta.sessions archive'], ids, query: noQuery, body: null });
}

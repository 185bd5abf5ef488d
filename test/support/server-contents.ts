import assert from 'node:assert/strict';
import type { ServerProcess } from './server.ts';
import { call } from './server-http.ts';

const lists = ['agents', 'deployments', 'environments', 'memory_stores', 'sessions', 'vaults'] as const;

/** Everything that lists show: two looks are equal when nothing was written in between. */
export async function contents(server: ServerProcess, sessionIds: readonly string[] = []): Promise<unknown> {
  const paths = [
    ...lists.map((noun) => `/v1/${noun}?limit=100&include_archived=true`),
    '/v1/skills?limit=100',
    '/v1/deployment_runs?limit=1000',
    ...sessionIds.map((id) => `/v1/sessions/${id}/events`),
  ];
  const replies = await Promise.all(paths.map((path) => call(server, { path })));
  for (const reply of replies) assert.equal(reply.status, 200, reply.text);
  // How long a session has existed goes on while nothing is written.
  return replies.map(({ json }) => JSON.stringify(json).replace(/"(active|duration)_seconds":[\d.e-]+/g, ''));
}

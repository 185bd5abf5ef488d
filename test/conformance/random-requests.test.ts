import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { routes } from '../../src/protocol/routes.ts';
import type { ServerProcess } from '../support/server.ts';
import { everyMorning } from '../support/server-deployments.ts';
import type { Mutant } from '../support/server-mutants.ts';
import { mutants } from '../support/server-mutants.ts';
import { message, openSession, say } from '../support/server-sessions.ts';
import { describeServer } from '../support/server-suite.ts';

const requestsAtOnce = 10;
const rounds = 300;

describeServer('three thousand requests that went wrong', ({ server }) => {
  test('are each answered by their schema or refused in the shape of an error, and the server lives', async () => {
    const vault = await server.client.beta.vaults.create({ display_name: 'Keys' });
    const { id: file_id } = await server.client.files.upload({ file: new File(['a'], 'a.txt') });
    const resources = [
      { type: 'github_repository' as const, url: 'https://github.com/ants/hill' },
      { type: 'file' as const, file_id },
    ];
    const given = { initial_events: [message('hello')], vault_ids: [vault.id], resources };
    const session = await openSession(server.client, {}, given);
    const [thread] = (await server.client.beta.sessions.threads.list(session.id)).data;
    const { memoryStores } = server.client.beta;
    const { id: memory_store_id } = await memoryStores.create({ name: 'Notes' });
    const memory = await memoryStores.memories.create(memory_store_id, { path: '/a', content: 'a' });
    const { deployments } = server.client.beta;
    const deployment = await deployments.create(everyMorning(session));
    const run = await deployments.run(deployment.id);
    const arbitrary = mutants({
      session,
      thread_id: thread?.id ?? '',
      memory_store_id,
      memory_id: memory.id,
      memory_version_id: memory.memory_version_id,
      deployment_id: deployment.id,
      deployment_run_id: run.id,
    });
    const statuses = new Map<number, number>();
    await fc.assert(
      fc.asyncProperty(
        fc.array(arbitrary, { minLength: requestsAtOnce, maxLength: requestsAtOnce }),
        async (requests) => {
          for (const status of await Promise.all(requests.map((request) => answered(server, request)))) {
            statuses.set(status, (statuses.get(status) ?? 0) + 1);
          }
        },
      ),
      { seed: 20_261_124, numRuns: rounds, endOnFailure: true },
    );
    // Requests that never get past the door would prove little.
    assert.ok((statuses.get(200) ?? 0) > 200, `answers by status: ${JSON.stringify([...statuses])}`);
    assert.ok((statuses.get(400) ?? 0) > 300, `answers by status: ${JSON.stringify([...statuses])}`);
    assert.deepEqual(server.errors(), []);
    const fresh = await openSession(server.client);
    assert.notDeepEqual(await say(server.client, fresh.id, 'hello'), []);
  });
});

/** The status, once the answer has been found to be in order. */
async function answered(
  server: ServerProcess,
  { key, method, path, headers, body }: Mutant,
): Promise<number> {
  const usual = {
    'x-api-key': server.apiKey,
    'anthropic-version': '2023-06-01',
    'anthropic-beta': 'managed-agents-2026-04-01',
    'content-type': 'application/json',
  };
  const response = await fetch(`${server.baseUrl}${path}`, {
    method,
    headers: { ...usual, ...headers },
    body: typeof body === 'string' || body === null ? body : new Uint8Array(body),
    signal: AbortSignal.timeout(20_000),
  });
  const requestId = response.headers.get('request-id');
  assert.match(requestId ?? '', /^req_\w+$/);
  if (response.headers.get('content-type')?.startsWith('text/event-stream')) {
    await response.body?.cancel();
    return response.status;
  }
  const answer = JSON.parse(await response.text());
  if (response.status === 200) assertAnswer(key, answer);
  else assertError(response.status, answer, requestId);
  return response.status;
}

function assertAnswer(key: Mutant['key'], answer: unknown): void {
  const { paging, response } = routes[key];
  const items = paging === null ? [answer] : (answer as { data: unknown[] }).data;
  for (const item of items) response.parse(item);
}

function assertError(status: number, answer: unknown, requestId: string | null): void {
  assert.ok(status >= 400 && status < 500, `${status} ${JSON.stringify(answer)}`);
  const { type, error, request_id } = answer as {
    type: string;
    error: { type: string; message: string };
    request_id: string;
  };
  assert.deepEqual([type, request_id], ['error', requestId]);
  assert.match(error.type, /^(invalid_request|not_found|permission|conflict|memory_path_conflict)_error$/);
  assert.notEqual(error.message, '');
}

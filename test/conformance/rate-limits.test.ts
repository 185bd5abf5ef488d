import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import type { ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { clientWith, createKey } from '../support/server-admin.ts';
import { assertRefused, call } from '../support/server-http.ts';
import { openSession } from '../support/server-sessions.ts';

const home = serverHome();
let server: ServerProcess;

/** The key that tests prepare with is limited by nothing; every other may write 6 times a minute and read 12 times. */
before(async () => {
  const first = await home.start();
  const [{ id } = { id: '' }] = (await first.client.organization.apiKeys.list()).data;
  await first.stop();
  mkdirSync(home.dataDir, { recursive: true });
  writeFileSync(
    join(home.dataDir, 'anthill.yaml'),
    `rate_limits:
  create_per_minute: 6
  read_per_minute: 12
  keys: { ${id}: {} }
`,
  );
  server = await home.start();
});
after(() => home.remove());

const agent = { name: 'Ant', model: 'scripted/demo' };
const limited = (message: RegExp) =>
  ({ status: 429, type: 'rate_limit_error', message, canRetry: true }) as const;

async function newClient() {
  const { secret } = await createKey(server.client, { name: 'limited' });
  return { secret, as: { ...server, apiKey: secret }, client: clientWith(server, secret) };
}

describe('a limited key', () => {
  test('is told after how many seconds to come back, and writes and reads are counted apart', async () => {
    const { as } = await newClient();
    for (let count = 0; count < 6; count++)
      assert.equal((await call(as, { path: '/v1/agents', body: agent })).status, 200);
    const refused = await call(as, { path: '/v1/agents', body: agent });
    const writes = limited(/^This key may make 6 create requests per minute; try again in \d+ s$/);
    assertRefused(refused, writes);
    const seconds = Number(refused.headers.get('retry-after'));
    assert.ok(seconds >= 1 && seconds <= 10 && refused.text.includes(`in ${seconds} s`), refused.text);
    // Deleting and archiving is writing; reading is not.
    assertRefused(await call(as, { method: 'DELETE', path: '/v1/sessions/sesn_none' }), writes);
    for (let count = 0; count < 12; count++)
      assert.equal((await call(as, { path: '/v1/agents' })).status, 200);
    const reads = limited(/^This key may make 12 read requests per minute; try again in [1-5] s$/);
    assertRefused(await call(as, { path: '/v1/agents' }), reads);
    const other = await newClient();
    assert.equal((await call(other.as, { path: '/v1/agents' })).status, 200);
  });

  test('comes through in the end: the SDK waits as long as it is told, and tries again', async () => {
    const { secret, as } = await newClient();
    for (let count = 0; count < 12; count++) await call(as, { path: '/v1/agents' });
    const statuses: number[] = [];
    const client = new Anthropic({
      baseURL: server.baseUrl,
      apiKey: secret,
      async fetch(input, init) {
        const response = await fetch(input, init);
        statuses.push(response.status);
        return response;
      },
    });
    const started = performance.now();
    const page = await client.beta.agents.list();
    assert.ok(page.data.length > 0);
    assert.deepEqual(statuses, [429, 200]);
    assert.ok(performance.now() - started >= 1_000, 'not before it was told to');
  });

  test('is counted for a stream once, when it opens', async () => {
    const { client, as } = await newClient();
    const session = await openSession(server.client);
    for (let count = 0; count < 10; count++) await call(as, { path: '/v1/agents' });
    const stream = await client.beta.sessions.events.stream(session.id);
    // The look whether its key is still good is nobody's request.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    stream.controller.abort();
    const statuses = [];
    for (let count = 0; count < 5; count++) statuses.push((await call(as, { path: '/v1/agents' })).status);
    assert.ok(
      statuses.filter((status) => status === 200).length <= 2 && statuses[0] === 200,
      String(statuses),
    );
  });

  test('with a limit of its own has that one', async () => {
    for (let count = 0; count < 100; count++)
      assert.equal((await call(server, { path: '/v1/agents' })).status, 200);
  });

  test('strangers use up nobody’s share', async () => {
    const { as, secret } = await newClient();
    for (let count = 0; count < 60; count++)
      assert.equal((await call({ ...as, apiKey: `${secret}x` }, { path: '/v1/agents' })).status, 401);
    assert.equal((await call(as, { path: '/v1/agents' })).status, 200);
  });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { egressOf } from '../support/server-egress.ts';
import { openSession, say, uniqueName } from '../support/server-sessions.ts';

const web = createServer((request, response) => response.end(`this is ${request.headers.host}`));
web.listen(0, '127.0.0.1');
await once(web, 'listening');
const { port } = web.address() as AddressInfo;

const bash = (command: string) =>
  `rules:\n  - when: { step: 0 }\n    reply: [{ tool: bash, input: { command: ${JSON.stringify(command)} } }]\n  - reply: [{ text: Done. }]\n`;
const scenarios = {
  both: bash(
    `for host in site.test other.test; do curl -sS http://$host:${port}/; echo; done; curl -s http://10.0.0.1/`,
  ),
};

describe('the network of sandboxes', () => {
  const home = serverHome(scenarios);
  let server: ServerProcess;
  before(async () => {
    mkdirSync(home.dataDir, { recursive: true, mode: 0o700 });
    const hosts = 'sandbox_network: {hosts: {site.test: 127.0.0.1, other.test: 127.0.0.1}}\n';
    writeFileSync(join(home.dataDir, 'anthill.yaml'), hosts);
    server = await home.start();
  });
  after(async () => {
    await home.remove();
    web.close();
  });

  async function run(networking: object) {
    const { client } = server;
    const environment = await client.beta.environments.create({
      name: `net ${uniqueName()}`,
      config: { type: 'cloud', networking: networking as { type: 'unrestricted' } },
    });
    const session = await openSession(client, { model: 'scripted/both' }, { environment_id: environment.id });
    const events = await say(client, session.id, 'go');
    const result = events.find((event) => event.type === 'agent.tool_result');
    assert.ok(result?.type === 'agent.tool_result');
    const text = result.content?.map((block) => ('text' in block ? block.text : '')).join('') ?? '';
    return { session, text };
  }

  /** Stored a moment after they were made. */
  async function decisionsOf(sessionId: string, count: number, query = {}) {
    for (;;) {
      const { data } = await egressOf(server.client, sessionId, { order: 'asc', ...query });
      if (data.length >= count) return data;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  test('obeys the environment, and every decision is on record', async () => {
    const { session, text } = await run({ type: 'limited', allowed_hosts: ['site.test'] });
    assert.match(text, new RegExp(`this is site.test:${port}\\nother.test is not among the hosts`));
    const decisions = await decisionsOf(session.id, 3);
    assert.deepEqual(
      decisions.map(({ host, port, result, reason }) => [host, port, result, reason]),
      [
        ['site.test', port, 'allowed', 'allowed_host'],
        ['other.test', port, 'refused', 'host_not_allowed'],
        ['10.0.0.1', 80, 'refused', 'host_not_allowed'],
      ],
    );
    const [first] = decisions;
    assert.deepEqual([first?.type, first?.session_id], ['egress_decision', session.id]);
  });

  test('is open but for private addresses where nothing is said', async () => {
    const { session, text } = await run({ type: 'unrestricted' });
    assert.match(text, /this is other.test.*\n10\.0\.0\.1 is or leads to an address that is not public/);
    await decisionsOf(session.id, 3);
    const page = await egressOf(server.client, session.id, { limit: 1 });
    assert.deepEqual(page.data[0]?.host, '10.0.0.1');
    const next = await egressOf(server.client, session.id, { limit: 1, page: page.next_page });
    assert.deepEqual(next.data[0]?.host, 'other.test');
    const refused = await egressOf(server.client, session.id, { result: 'refused' });
    assert.deepEqual(
      refused.data.map(({ reason }) => reason),
      ['private_address'],
    );
  });

  test('is told of for a session that exists, with parameters that do', async () => {
    await assert.rejects(egressOf(server.client, 'sesn_none'), { status: 404 });
    const session = await openSession(server.client);
    assert.deepEqual((await egressOf(server.client, session.id)).data, []);
    for (const query of [{ result: 'maybe' }, { limit: 0 }, { limit: 1001 }, { page: 'x' }, { host: 'a' }])
      await assert.rejects(egressOf(server.client, session.id, query), { status: 400 });
  });

  test('nothing of this was logged as an error', () => {
    assert.deepEqual(server.errors(), []);
  });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createAuthority } from '../../src/hands/egress/certificates.ts';
import { listening, tlsServer } from '../support/local-servers.ts';
import type { ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { egressOf } from '../support/server-egress.ts';
import type { StreamedEvent } from '../support/server-sessions.ts';
import { openSession, say, uniqueName } from '../support/server-sessions.ts';
import { put, variable } from '../support/server-vaults.ts';

const web = createServer((request, response) =>
  response.end(`this is ${request.headers.host} with ${request.headers.authorization ?? 'nothing'}`),
);
const secret = 'sk-live-0123456789-ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const authority = await createAuthority(Date.now());
const received: string[] = [];
const secure = await listening(
  tlsServer(authority, (request, response) => {
    received.push(request.headers.authorization ?? '');
    response.end(`you said ${request.headers.authorization}`);
  }),
);
const { port: securePort } = secure.address() as AddressInfo;
web.listen(0, '127.0.0.1');
await once(web, 'listening');
const { port } = web.address() as AddressInfo;

const bash = (command: string) =>
  `rules:\n  - when: { step: 0 }\n    reply: [{ tool: bash, input: { command: ${JSON.stringify(command)} } }]\n  - reply: [{ text: Done. }]\n`;
const scenarios = {
  keyed: bash(
    `echo "$API_KEY"; for host in site.test other.test; do curl -sSk -H "authorization: $API_KEY" https://$host:${securePort}/; echo; done`,
  ),
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
    const certificate = join(home.dataDir, 'ca.pem');
    writeFileSync(certificate, authority.certificate);
    server = await home.start({ NODE_EXTRA_CA_CERTS: certificate });
  });
  after(async () => {
    await home.remove();
    web.close();
    secure.close();
  });

  async function run(networking: object, model = 'both', vaults: string[] = []) {
    const { client } = server;
    const environment = await client.beta.environments.create({
      name: `net ${uniqueName()}`,
      config: { type: 'cloud', networking: networking as { type: 'unrestricted' } },
    });
    const rest = { environment_id: environment.id, vault_ids: vaults };
    const session = await openSession(client, { model: `scripted/${model}` }, rest);
    const events = await say(client, session.id, 'go');
    const result = events.find((event) => event.type === 'agent.tool_result');
    assert.ok(result?.type === 'agent.tool_result');
    const text = result.content?.map((block) => ('text' in block ? block.text : '')).join('') ?? '';
    return { session, text, events };
  }

  const errorsIn = (events: readonly StreamedEvent[]) =>
    events.flatMap((event) => (event.type === 'session.error' ? [event.error] : []));

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
    assert.match(
      text,
      new RegExp(`this is site.test:${port} with nothing\\nother.test is not among the hosts`),
    );
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

  test('secrets of vaults go to the hosts of their credential, and are in no answer', async () => {
    const networking = { type: 'limited' as const, allowed_hosts: ['site.test'] };
    const auth = variable('API_KEY', { secret_value: secret, networking });
    const credential = await put(server.client, auth);
    const { text, events } = await run({ type: 'unrestricted' }, 'keyed', [credential.vault_id]);
    const [placeholder = ''] = text.split('\n');
    assert.match(placeholder, /^anthill_ph_[0-9a-f]{32}$/);
    assert.deepEqual(received, [secret, placeholder]);
    assert.match(text, /you said anthill_ph_/);
    assert.doesNotMatch(JSON.stringify(events), /sk-live/);
    assert.deepEqual(errorsIn(events), []);
  });

  test('a credential for hosts that the environment keeps from sandboxes is told of at the start', async () => {
    const networking = { type: 'limited' as const, allowed_hosts: ['api.test', 'site.test'] };
    const credential = await put(server.client, variable('API_KEY', { networking }));
    const limits = { type: 'limited', allowed_hosts: ['site.test'] };
    const { session, events } = await run(limits, 'keyed', [credential.vault_id]);
    const [error, ...others] = errorsIn(events);
    assert.deepEqual(others, []);
    assert.ok(error?.type === 'credential_host_unreachable_error');
    assert.deepEqual([error.credential_id, error.vault_id], [credential.id, credential.vault_id]);
    assert.match(error.message, /API_KEY.*does not allow api\.test\./);
    assert.deepEqual(errorsIn(await say(server.client, session.id, 'again')), []);
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

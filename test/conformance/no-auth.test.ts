import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import type { ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { createKey } from '../support/server-admin.ts';
import { openSession, say } from '../support/server-sessions.ts';

const home = serverHome();
let server: ServerProcess;
before(async () => {
  server = await home.start({}, ['--no-auth']);
});
after(() => home.remove());

const versions = { 'anthropic-version': '2023-06-01', 'anthropic-beta': 'managed-agents-2026-04-01' };

/** As a browser would send it: `fetch` of Node lets nobody choose these headers. */
function sent(headers: Record<string, string>, body?: string): Promise<{ status: number; text: string }> {
  const { hostname, port } = new URL(server.baseUrl);
  return new Promise((resolve, reject) => {
    const options = {
      hostname,
      port,
      path: '/v1/agents',
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        ...versions,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
    };
    const outgoing = request(options, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk);
      resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') });
    });
    outgoing.on('error', reject).end(body);
  });
}

describe('a server that asks for no key', () => {
  test('is driven by the SDK with any key, in the default workspace, as an admin', async () => {
    const client = new Anthropic({ baseURL: server.baseUrl, apiKey: 'anything' });
    const session = await openSession(client);
    await say(client, session.id, 'hello');
    assert.equal((await client.organization.retrieve()).type, 'organization');
    assert.equal((await server.client.beta.sessions.retrieve(session.id)).id, session.id);
    assert.equal((await sent({})).status, 200);
  });

  test('knows keys all the same, and refuses those that were disabled', async () => {
    const { id: workspaceId } = await server.client.organization.workspaces.create({ name: 'b' });
    const key = await createKey(server.client, {
      name: 'b',
      scope: { type: 'workspace', workspace_id: workspaceId },
    });
    const client = new Anthropic({ baseURL: server.baseUrl, apiKey: key.secret, maxRetries: 0 });
    const { response } = await client.beta.agents.list().withResponse();
    assert.equal(response.headers.get('anthropic-workspace-id'), workspaceId);
    await server.client.organization.apiKeys.update(key.id, { status: 'inactive' });
    await assert.rejects(client.beta.agents.list(), { status: 401 });
  });

  const pages: readonly (readonly [string, () => Record<string, string>])[] = [
    ['of a name that was led here', () => ({ host: `evil.example:${new URL(server.baseUrl).port}` })],
    ['of another site', () => ({ origin: 'https://evil.example' })],
    ['of another port of this machine', () => ({ origin: 'http://127.0.0.1:1' })],
    ['without an origin', () => ({ origin: 'null' })],
    ['that the browser tells of', () => ({ 'sec-fetch-site': 'cross-site' })],
  ];
  for (const [name, headers] of pages) {
    test(`is not driven by a page ${name}`, async () => {
      const agent = JSON.stringify({ name: 'Intruder', model: 'scripted/demo' });
      for (const reply of [await sent(headers()), await sent(headers(), agent)]) {
        assert.equal(reply.status, 403);
        assert.equal(JSON.parse(reply.text).error.type, 'permission_error');
      }
      const agents = await server.client.beta.agents.list();
      assert.ok(!agents.data.some((each) => each.name === 'Intruder'));
    });
  }

  test('answers a page of its own', async () => {
    assert.equal((await sent({ origin: server.baseUrl, 'sec-fetch-site': 'same-origin' })).status, 200);
  });

  test('asks for keys again when it is started as always', async () => {
    await server.stop();
    server = await home.start();
    const client = new Anthropic({ baseURL: server.baseUrl, apiKey: 'anything', maxRetries: 0 });
    await assert.rejects(client.beta.agents.list(), { status: 401 });
  });

  test('is not started where others can reach it', async () => {
    const { code, stderr } = await home.refusedStart({}, ['--port', '0', '--no-auth', '--host', '0.0.0.0']);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^anthill up: --no-auth lets in whoever reaches the server, and 0\.0\.0\.0 can be reached/m,
    );
  });
});

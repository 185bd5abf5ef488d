import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { after, before, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { filesHolding, holds, keepingFetch } from '../support/canary.ts';
import type { Door, McpServer } from '../support/mcp-server.ts';
import { startMcpServer } from '../support/mcp-server.ts';
import type { RecordingServer } from '../support/recording-server.ts';
import { startRecordingServer } from '../support/recording-server.ts';
import type { ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { createEnvironmentKey, createKey } from '../support/server-admin.ts';
import { call } from '../support/server-http.ts';
import { listAll, openSession, say } from '../support/server-sessions.ts';
import { bearer, oauth } from '../support/server-vaults.ts';

/** Fit for a header, and unlike itself in every spelling. */
const canary = 'canary/7f3a9c+x';
const secret = (name: string) => `${name}-${canary}`;
const presetKey = secret('sk-ant-preset');
const scenario =
  'rules:\n  - when: { step: 0 }\n    reply: [{ tool: mcp__ants__dig, input: {} }]\n  - reply: [{ text: Done. }]\n';

/** What is sent along with requests to others, who tell it to whoever asks; and what is shown once. */
describe('a secret that is used', () => {
  const home = serverHome({ dig: scenario });
  const kept: string[] = [];
  let mcp: McpServer;
  let provider: RecordingServer;
  let server: ServerProcess;
  let client: Anthropic;
  before(async () => {
    mcp = await startMcpServer();
    provider = await startRecordingServer(({ headers }) => {
      const message = `no such key: ${headers['x-api-key']} ${headers.authorization}`;
      return { status: 401, body: { type: 'error', error: { type: 'authentication_error', message } } };
    });
    server = await home.start({
      ANTHILL_LOG_LEVEL: 'debug',
      ANTHILL_API_KEY: presetKey,
      ANTHILL_UPSTREAM_BASE_URL: provider.url,
      ANTHILL_UPSTREAM_API_KEY: secret('upstream'),
    });
    client = new Anthropic({ baseURL: server.baseUrl, apiKey: presetKey, fetch: keepingFetch(kept) });
  });
  after(async () => {
    await home.remove();
    await mcp.close();
    await provider.close();
  });

  /** Beside the one place where it must be. */
  function assertKeptSecret(secrets: readonly string[], shownOnce: readonly string[] = []): void {
    const answers = kept.filter((answer) => !shownOnce.some((text) => answer.includes(text)));
    assert.deepEqual(
      answers.filter((answer) => holds(answer, secrets)),
      [],
    );
    // The banner says the key that clients need, and so does the file for the command line.
    const output = server.output().replace(`key  ${presetKey}\n`, '');
    assert.ok(output.includes('server.ready'));
    assert.ok(!holds(output, secrets), output);
    assert.deepEqual(
      filesHolding(home.dataDir, secrets).filter((file) => file !== 'server.json'),
      [],
    );
  }

  const open = (vault: string, model = 'scripted/dig') => {
    const mcpToolset = {
      type: 'mcp_toolset',
      mcp_server_name: 'ants',
      default_config: { permission_policy: { type: 'always_allow' } },
    } as const;
    const mcp_servers = [{ type: 'url' as const, name: 'ants', url: `${mcp.url}/mcp` }];
    return openSession(client, { model, tools: [mcpToolset], mcp_servers }, { vault_ids: [vault] });
  };

  async function vaultWith(auth: ReturnType<typeof bearer> | ReturnType<typeof oauth>) {
    const { id } = await client.beta.vaults.create({ display_name: 'Keys' });
    const credential = await client.beta.vaults.credentials.create(id, { auth });
    return { vaultId: id, credentialId: credential.id };
  }

  /** One turn; the errors and results of it. */
  async function turn(sessionId: string): Promise<readonly string[]> {
    await say(client, sessionId, 'go');
    return (await listAll(client, sessionId)).map(({ type }) => type);
  }

  test('a bearer token: a tool that repeats it, in any spelling, and a server that refuses it', async () => {
    const { vaultId } = await vaultWith(bearer(`${mcp.url}/mcp`, secret('token')));
    mcp.guard(repeating);
    assert.ok((await turn((await open(vaultId)).id)).includes('agent.mcp_tool_result'));
    assert.ok(kept.some((answer) => answer.includes('[secret]')));
    for (const status of [401, 500]) {
      mcp.guard(({ headers }, response) => ended(response, status, `no: ${headers.authorization}`));
      assert.ok((await turn((await open(vaultId)).id)).includes('session.error'));
    }
    assertKeptSecret([canary]);
  });

  test('OAuth tokens: one that is refused, those it is exchanged for, and an exchange that fails', async () => {
    const { vaultId, credentialId } = await vaultWith({
      ...oauth(`${mcp.url}/mcp`, {
        token_endpoint: `${mcp.url}/token`,
        refresh_token: secret('refresh'),
        token_endpoint_auth: { type: 'client_secret_post', client_secret: secret('client') },
      }),
      access_token: secret('access'),
    });
    const exchanged = JSON.stringify({
      access_token: secret('fresh'),
      refresh_token: secret('next'),
      expires_in: 3600,
    });
    mcp.guard((request, response, body) => {
      if (request.url === '/token') return ended(response, 200, exchanged);
      if (request.headers.authorization === `Bearer ${secret('fresh')}`)
        return repeating(request, response, body);
      return ended(response, 401, `no: ${request.headers.authorization}`);
    });
    const session = await open(vaultId);
    assert.ok((await turn(session.id)).includes('agent.mcp_tool_result'));
    assert.ok(mcp.seen.some(({ path }) => path === '/token'));
    mcp.guard(({ headers }, response, body) => ended(response, 401, `no: ${headers.authorization} ${body}`));
    assert.ok((await turn(session.id)).includes('session.error'));
    const { credentials } = client.beta.vaults;
    const { status } = await credentials.mcpOAuthValidate(credentialId, { vault_id: vaultId });
    assert.equal(status, 'invalid');
    assertKeptSecret([canary]);
  });

  test("the model provider's key: a provider that repeats it in its refusal", async () => {
    const { id } = await openSession(client, { model: 'claude-opus-5-5' });
    assert.ok((await turn(id)).includes('session.error'));
    assert.ok(provider.requests.some(({ headers }) => JSON.stringify(headers).includes(secret('upstream'))));
    assertKeptSecret([canary]);
  });

  test('the key of the caller: requests of all kinds with it, and with one that is wrong', async () => {
    for (const path of ['/v1/agents', '/v1/nothing', '/v1/organizations/me', '/v1/sessions/sesn_1/events']) {
      for (const headers of [
        {},
        { 'x-api-key': secret('wrong') },
        { 'x-api-key': null, authorization: `Bearer ${secret('wrong')}` },
        { 'x-api-key': null, authorization: `Bearer sk-ant-oat01-${secret('wrong')}` },
      ]) {
        const { text, headers: answered } = await call(server, { path, headers });
        kept.push(text, JSON.stringify([...answered]));
      }
    }
    assertKeptSecret([canary]);
  });

  test('keys and signing secrets that are made here are shown once, and kept nowhere', async () => {
    const { organization } = client.beta;
    const { environment_id } = await openSession(client);
    const key = await createKey(client, { name: 'CI' });
    const worker = await createEnvironmentKey(client, environment_id);
    const webhook = await organization.webhooks.create({
      url: 'https://example.com/hook',
      enabled_events: ['session.updated'] as never[],
    });
    const renewed = await organization.webhooks.regenerateSigningSecret(webhook.id);
    const made = [key.secret, worker.secret, ...[webhook, renewed].map(signingSecretOf)];
    for (const text of made) assert.equal(kept.filter((answer) => answer.includes(text)).length, 1, text);
    await client.organization.apiKeys.retrieve(key.id);
    await client.organization.apiKeys.update(key.id, { name: 'New' });
    await client.organization.apiKeys.list();
    await organization.webhooks.retrieve(webhook.id);
    await organization.webhooks.list();
    await client.get(`/v1/organizations/environments/${environment_id}/keys`);
    await new Anthropic({ baseURL: server.baseUrl, apiKey: key.secret }).beta.agents.list();
    assertKeptSecret(made, made);
  });

  test('and after the end nothing of all this is left on disk', async () => {
    assert.equal(await server.stop(), 0);
    assertKeptSecret([canary]);
  });
});

function ended(response: ServerResponse, status: number, body: string): true {
  response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  return true;
}

/** Answers a call of a tool with the token that came along. */
const repeating: Door = ({ headers }, response, body) => {
  if (!body.includes('"tools/call"')) return false;
  const token = headers.authorization?.replace('Bearer ', '') ?? '';
  const bytes = Buffer.from(token);
  const texts = [token, encodeURIComponent(token), bytes.toString('base64'), bytes.toString('hex')];
  const content = texts.map((text) => ({ type: 'text', text: `You are ${text}.` }));
  return ended(
    response,
    200,
    JSON.stringify({ jsonrpc: '2.0', id: JSON.parse(body).id, result: { content } }),
  );
};

function signingSecretOf(webhook: object): string {
  const text: unknown = Reflect.get(webhook, 'signing_secret') ?? Reflect.get(webhook, 'secret');
  assert.ok(typeof text === 'string');
  return text;
}

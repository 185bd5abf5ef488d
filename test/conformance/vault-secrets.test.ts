import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { openSqlite } from '../../src/store/engines/sqlite.ts';
import { build } from '../../src/store/tables.ts';
import { openMasterKey } from '../../src/vault/master-key.ts';
import { unseal } from '../../src/vault/sealing.ts';
import { filesHolding, holds, keepingFetch } from '../support/canary.ts';
import type { ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { everyMorning } from '../support/server-deployments.ts';
import type { Sent } from '../support/server-http.ts';
import { call } from '../support/server-http.ts';
import type { Session } from '../support/server-sessions.ts';
import { openSession, say } from '../support/server-sessions.ts';
import type { Auth, Changes } from '../support/server-vaults.ts';
import { bearer, oauth, variable } from '../support/server-vaults.ts';

const canary = 'canary-7f3a9c';
/** Sent where it may be seen: proof that the search would find the other. */
const visible = 'visible-51d20b';
let sent = 0;
/** A new secret with the marker in it. */
const secret = () => `${canary}-${++sent}`;
const url = 'https://mcp.example.com/sse';

function secretOauth(at: string, type: 'client_secret_basic' | 'client_secret_post'): Auth {
  const token_endpoint_auth = { type, client_secret: secret() };
  return { ...oauth(at, { refresh_token: secret(), token_endpoint_auth }), access_token: secret() };
}
const oauthChanges = (): Changes => ({
  auth: {
    type: 'mcp_oauth',
    access_token: secret(),
    refresh: {
      refresh_token: secret(),
      token_endpoint_auth: { type: 'client_secret_post', client_secret: secret() },
    },
  },
});
const deposits: readonly (readonly [auth: Auth, changes: () => Changes])[] = [
  [secretOauth(`${url}/1`, 'client_secret_basic'), oauthChanges],
  [secretOauth(`${url}/2`, 'client_secret_post'), oauthChanges],
  [bearer(`${url}/3`, secret()), () => ({ auth: { type: 'static_bearer', token: secret() } })],
  [
    variable('KEY', { secret_value: secret() }),
    () => ({ auth: { type: 'environment_variable', secret_value: secret() } }),
  ],
];

const deployedRepository = () => ({
  type: 'github_repository' as const,
  url: 'https://github.com/octocat/hello',
  mount_path: `/workspace/hello-${sent}`,
  authorization_token: secret(),
});

describe('a secret', () => {
  const home = serverHome();
  const bodies: string[] = [];
  after(() => home.remove());

  /** A client that keeps every response. */
  function listening({ baseUrl, apiKey }: ServerProcess): Anthropic {
    return new Anthropic({ baseURL: baseUrl, apiKey, fetch: keepingFetch(bodies) });
  }

  function assertOnDisk(): void {
    assert.notDeepEqual(filesHolding(home.dataDir, [visible]), []);
    assert.deepEqual(filesHolding(home.dataDir, [canary]), []);
  }

  function assertSaid(server: ServerProcess): void {
    assert.ok(bodies.some((body) => body.includes(visible)));
    assert.deepEqual(
      [...bodies, server.output()].filter((body) => holds(body, [canary])),
      [],
    );
  }

  test('is in no file, no answer and no line of the log, from its creation to its end', async () => {
    const server = await home.start({ ANTHILL_LOG_LEVEL: 'debug' });
    const client = listening(server);
    const { id: vault_id } = await client.beta.vaults.create({ display_name: visible });
    const { credentials } = client.beta.vaults;
    for (const [auth, changes] of deposits) {
      const { id } = await credentials.create(vault_id, { auth, metadata: { visible } });
      await assert.rejects(credentials.create(vault_id, { auth }), { status: 409 });
      await credentials.update(id, { vault_id, ...changes() });
      await credentials.retrieve(id, { vault_id });
    }
    const list = await credentials.list(vault_id);
    await provoke(server, `/v1/vaults/${vault_id}/credentials`);
    const url = `https://github.com/ants/${visible}`;
    const repository = { type: 'github_repository' as const, url, authorization_token: secret() };
    const session = await openSession(client, {}, { vault_ids: [vault_id], resources: [repository] });
    const [resource] = session.resources;
    const id = resource && 'id' in resource ? resource.id : '';
    await provokeSessions(server, session, id);
    const renewal = { session_id: session.id, authorization_token: secret() };
    await client.beta.sessions.resources.update(id, renewal);
    await client.beta.sessions.resources.list(session.id);
    await say(client, session.id, 'hello');
    await client.beta.sessions.events.list(session.id);
    const { deployments } = client.beta;
    const deployed = () => [deployedRepository(), deployedRepository()];
    const params = everyMorning(session, { name: visible, resources: deployed() });
    const deployment = await deployments.create(params);
    const resources = deployed();
    await deployments.update(deployment.id, { resources });
    assert.equal((await deployments.run(deployment.id)).error, null);
    await deployments.list();
    await client.beta.deploymentRuns.list();
    await provokeDeployment(server, deployment.id);
    assertOnDisk();
    await deployments.archive(deployment.id);
    const [first] = list.data;
    await credentials.archive(first?.id ?? '', { vault_id });
    await client.beta.vaults.archive(vault_id);
    assertOnDisk();
    assertSaid(server);
    assert.equal(await server.stop(), 0);
    assertOnDisk();
    const tokens = [renewal, ...resources].map(({ authorization_token }) => authorization_token);
    assert.deepEqual(await tokensOnDisk(), tokens.sort());
  });

  /** What the stopped server keeps of the repositories of sessions, each opened with its key for its place. */
  async function tokensOnDisk(): Promise<string[]> {
    const engine = openSqlite(join(home.dataDir, 'anthill.db'));
    const rows = await engine.read.all(build.selectFrom('repository_tokens').selectAll().compile());
    await engine.close();
    const key = openMasterKey(home.dataDir, null);
    const placeOf = (sessionId: string, resourceId: string) =>
      ({ sessionId, resourceId, field: 'authorization_token' }) as const;
    return rows.map((row) => unseal(key, row.sealed, placeOf(row.session_id, row.resource_id))).sort();
  }

  async function provokeSessions(server: ServerProcess, session: Session, id: string): Promise<void> {
    const { agent, environment_id } = session;
    const url = 'https://github.com/ants/hill';
    const repository = { type: 'github_repository', url, authorization_token: secret() };
    const twice = [repository, repository];
    const resources: unknown[] = [
      twice,
      [{ ...repository, url: 'https://example.com/a/b' }],
      [{ ...repository, authorization_token: [secret()] }],
      [{ ...repository, authorization_token: secret().repeat(1000) }],
      [{ ...repository, token: secret() }],
      [repository, { type: 'memory_store', memory_store_id: 'memstore_01no' }],
    ];
    const path = `/v1/sessions/${session.id}/resources/${id}`;
    const wrong: Sent[] = [
      ...resources.map((each) => ({
        path: '/v1/sessions',
        body: { agent: agent.id, environment_id, resources: each },
      })),
      { path, body: { authorization_token: secret().repeat(1000) } },
      { path, body: { authorization_token: { secret: secret() } } },
      { path, body: { authorization_token: secret(), token: secret() } },
      { path: `${path}x`, body: { authorization_token: secret() } },
    ];
    for (const sent of wrong) {
      const reply = await call(server, sent);
      assert.ok(reply.status === 400 || reply.status === 404, reply.text);
      bodies.push(reply.text);
    }
  }

  /** Requests that go wrong with a secret in them. */
  async function provoke(server: ServerProcess, path: string): Promise<void> {
    const long = secret().repeat(1000);
    const wrong: unknown[] = [
      { auth: { ...bearer(url, long) } },
      { auth: { ...bearer(url), token: [secret()] } },
      { auth: variable('KEY', { secret_value: long }) },
      { auth: { ...variable('1'), secret_value: secret() } },
      { auth: { ...oauth(url, { refresh_token: long }), access_token: secret() } },
      { auth: bearer(`https://me:${secret()}@mcp.example.com`, secret()) },
      { auth: { ...bearer(url, secret()), unknown: secret() } },
      `{"auth":{"type":"static_bearer","token":"${secret()}`,
      `"${secret()}`,
    ];
    for (const body of wrong) {
      const reply = await call(server, { path, body });
      assert.equal(reply.status, 400, reply.text);
      bodies.push(reply.text);
    }
  }

  async function provokeDeployment(server: ServerProcess, id: string): Promise<void> {
    const wrong: unknown[] = [
      { resources: [{ ...deployedRepository(), authorization_token: secret().repeat(1000) }] },
      { resources: [{ ...deployedRepository(), authorization_token: [secret()] }] },
      { resources: [{ ...deployedRepository(), unknown: secret() }] },
      { resources: [deployedRepository()], environment_id: 'env_01no' },
      { resources: [deployedRepository()], name: null },
    ];
    for (const body of wrong) {
      const reply = await call(server, { path: `/v1/deployments/${id}`, body });
      assert.ok(reply.status === 400 || reply.status === 404, reply.text);
      bodies.push(reply.text);
    }
  }

  test('survives a restart with its key, and the server does not start with another', async () => {
    const server = await home.start();
    const { id } = await server.client.beta.vaults.create({ display_name: 'Keys' });
    const { credentials } = server.client.beta.vaults;
    const made = await credentials.create(id, { auth: bearer(url) });
    await server.kill();
    const again = await home.start();
    const kept = await again.client.beta.vaults.credentials.retrieve(made.id, { vault_id: id });
    assert.deepEqual(kept, made);
    await again.stop();
    const other = Buffer.alloc(32, 1).toString('base64');
    const { code, stderr } = await home.refusedStart({ ANTHILL_MASTER_KEY: other });
    assert.notEqual(code, 0);
    assert.match(stderr, /master key .* is not the one that its credentials were sealed with/);
    assert.ok(!stderr.includes(other));
  });
});

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import type { ServerResponse } from 'node:http';
import { after, before, test } from 'node:test';
import type { Door, McpServer } from '../support/mcp-server.ts';
import { startMcpServer } from '../support/mcp-server.ts';
import { absent, bad, refused } from '../support/sdk-calls.ts';
import { describeServer } from '../support/server-suite.ts';
import type { Auth, Created } from '../support/server-vaults.ts';
import { bearer, oauth, put } from '../support/server-vaults.ts';

const marker = 'CANARY/+&"7f';
const secret = (name: string) => `${name}-${marker}`;

describeServer('mcp_oauth_validate', ({ home, server }) => {
  let mcp: McpServer;
  before(async () => {
    mcp = await startMcpServer();
  });
  after(() => mcp.close());

  type OauthAuth = Extract<Auth, { type: 'mcp_oauth' }>;
  /** A credential for the MCP server, whose token endpoint is `/token` of the same server. */
  function credential(
    more: Partial<OauthAuth> = {},
    refresh: Partial<NonNullable<OauthAuth['refresh']>> = {},
  ) {
    const base = oauth(`${mcp.url}/mcp`, {
      token_endpoint: `${mcp.url}/token`,
      refresh_token: secret('refresh'),
      token_endpoint_auth: { type: 'client_secret_basic', client_secret: secret('client') },
      ...refresh,
    });
    return put(server.client, { ...base, access_token: secret('access'), ...more });
  }
  const validate = ({ id, vault_id }: Created) =>
    server.client.beta.vaults.credentials.mcpOAuthValidate(id, { vault_id });

  const answer = (response: ServerResponse, status: number, body: string, type = 'application/json') => {
    response.writeHead(status, { 'content-type': type }).end(body);
    return true;
  };
  /** Takes one token at the MCP endpoint; the token endpoint does as told. */
  const taking =
    (token: string, exchange: (response: ServerResponse, body: string) => boolean): Door =>
    (request, response, body) => {
      if (request.url === '/token') return exchange(response, body);
      if (request.headers.authorization === `Bearer ${token}`) return false;
      return answer(response, 401, `{"no":"${request.headers.authorization}"}`);
    };
  const never = (response: ServerResponse) => answer(response, 500, 'not asked for');

  test('a token that the server takes is valid, tried with initialize and tools/list', async () => {
    mcp.guard(taking(secret('access'), never));
    const created = await credential();
    const result = await validate(created);
    assert.deepEqual(result, {
      type: 'vault_credential_validation',
      credential_id: created.id,
      vault_id: created.vault_id,
      status: 'valid',
      validated_at: result.validated_at,
      has_refresh_token: true,
      mcp_probe: null,
      refresh: null,
    });
    const methods = mcp.seen.map(({ body }) => /"method":"([^"]+)"/.exec(body)?.[1]);
    assert.ok(methods.includes('initialize') && methods.includes('tools/list'), methods.join());
  });

  test('a server that speaks only the older SSE transport is understood', async () => {
    mcp.guard((request, response) =>
      request.headers.authorization === `Bearer ${secret('access')}`
        ? false
        : answer(response, 401, 'who are you?'),
    );
    const result = await validate(await credential({ mcp_server_url: `${mcp.url}/sse` }));
    assert.deepEqual([result.status, result.mcp_probe], ['valid', null]);
  });

  for (const [how, auth, check] of [
    [
      'client_secret_basic',
      { type: 'client_secret_basic', client_secret: secret('client') },
      (authorization = '', body = '') => {
        const pair = Buffer.from(authorization.replace('Basic ', ''), 'base64').toString();
        assert.equal(decodeURIComponent(pair), `client:${secret('client')}`);
        assert.equal(new URLSearchParams(body).get('client_secret'), null);
      },
    ],
    [
      'client_secret_post',
      { type: 'client_secret_post', client_secret: secret('client') },
      (authorization = '', body = '') => {
        assert.equal(authorization, '');
        assert.equal(new URLSearchParams(body).get('client_secret'), secret('client'));
        assert.equal(new URLSearchParams(body).get('client_id'), 'client');
      },
    ],
    [
      'none',
      { type: 'none' },
      (_authorization = '', body = '') => assert.equal(new URLSearchParams(body).get('client_id'), 'client'),
    ],
  ] as const)
    test(`a refused token is refreshed (${how}), kept, tried, and valid`, async () => {
      const tokens = { access_token: secret('second'), refresh_token: secret('rotated'), expires_in: 3600 };
      mcp.guard(taking(secret('second'), (response) => answer(response, 200, JSON.stringify(tokens))));
      const created = await credential({}, { token_endpoint_auth: auth });
      const result = await validate(created);
      assert.deepEqual(
        [result.status, result.mcp_probe, result.refresh],
        ['valid', null, { status: 'succeeded', http_response: null }],
      );
      const asked = mcp.seen.find(({ path }) => path === '/token');
      check(asked?.authorization, asked?.body);
      const form = new URLSearchParams(asked?.body);
      assert.deepEqual(
        ['grant_type', 'refresh_token', 'scope', 'resource'].map((name) => form.get(name)),
        ['refresh_token', secret('refresh'), 'read write', 'https://mcp.example.com'],
      );
      const { auth: kept } = await server.client.beta.vaults.credentials.retrieve(created.id, {
        vault_id: created.vault_id,
      });
      const left = Date.parse((kept.type === 'mcp_oauth' && kept.expires_at) || '') - Date.now();
      assert.ok(left > 3_500_000 && left <= 3_600_000, `${left} ms`);
      // The next time both rotated tokens are in use.
      mcp.guard(taking('another', (response) => answer(response, 400, '{"error":"invalid_grant"}')));
      await validate(created);
      assert.equal(mcp.seen[0]?.authorization, `Bearer ${secret('second')}`);
      const again = mcp.seen.find(({ path }) => path === '/token');
      assert.equal(new URLSearchParams(again?.body).get('refresh_token'), secret('rotated'));
    });

  const refusals: readonly (readonly [
    name: string,
    exchange: (response: ServerResponse) => boolean,
    status: string,
    refresh: string,
  ])[] = [
    ['4xx', (response) => answer(response, 400, '{"error":"invalid_grant"}'), 'invalid', 'failed'],
    ['429', (response) => answer(response, 429, 'slow down'), 'unknown', 'failed'],
    ['5xx', (response) => answer(response, 503, 'later'), 'unknown', 'failed'],
    [
      'a page instead of tokens',
      (response) => answer(response, 200, '<html>', 'text/html'),
      'unknown',
      'failed',
    ],
    [
      'a redirect',
      (response) => {
        response.writeHead(307, { location: 'http://127.0.0.1:9/' }).end();
        return true;
      },
      'unknown',
      'failed',
    ],
    [
      'a broken connection',
      (response) => {
        response.destroy();
        return true;
      },
      'unknown',
      'connect_error',
    ],
  ];
  for (const [name, exchange, status, refresh] of refusals)
    test(`a refused token whose refresh ends with ${name} is ${status}`, async () => {
      mcp.guard(taking('another', exchange));
      const result = await validate(await credential());
      assert.deepEqual([result.status, result.refresh?.status], [status, refresh]);
      assert.equal(result.mcp_probe?.method, 'initialize');
      assert.equal(result.mcp_probe?.http_response?.status_code, 401);
      assert.equal(result.refresh?.http_response === null, refresh === 'connect_error');
    });

  test('a refused token without a refresh token is invalid', async () => {
    mcp.guard(taking('another', never));
    const created = await put(server.client, {
      type: 'mcp_oauth',
      mcp_server_url: `${mcp.url}/mcp`,
      access_token: secret('access'),
    });
    const result = await validate(created);
    assert.deepEqual(
      [result.status, result.has_refresh_token, result.refresh],
      ['invalid', false, { status: 'no_refresh_token', http_response: null }],
    );
  });

  for (const [status, verdict] of [
    [403, 'invalid'],
    [429, 'unknown'],
    [500, 'unknown'],
    [302, 'unknown'],
  ] as const)
    test(`a server that answers ${status} makes it ${verdict}, without a refresh`, async () => {
      mcp.guard((_request, response) => {
        response.writeHead(status, { location: 'http://127.0.0.1:9/', 'content-type': 'text/plain' });
        response.end('x'.repeat(5_000));
        return true;
      });
      const result = await validate(await credential());
      assert.deepEqual([result.status, result.refresh], [verdict, null]);
      const { body = '', ...rest } = result.mcp_probe?.http_response ?? {};
      assert.deepEqual(rest, { status_code: status, content_type: 'text/plain', body_truncated: true });
      assert.equal(body.length, 4_096);
      assert.ok(
        mcp.seen.every(({ path }) => path === '/mcp'),
        'nothing was followed',
      );
    });

  test('a server that is not there is unknown', async () => {
    const result = await validate(await credential({ mcp_server_url: 'http://127.0.0.1:9/' }));
    assert.deepEqual(
      [result.status, result.mcp_probe],
      ['unknown', { method: 'initialize', http_response: null }],
    );
  });

  test('several at once refresh once', async () => {
    const tokens = { access_token: secret('second'), refresh_token: secret('rotated') };
    mcp.guard(taking(secret('second'), (response) => answer(response, 200, JSON.stringify(tokens))));
    const created = await credential();
    const results = await Promise.all([validate(created), validate(created), validate(created)]);
    assert.deepEqual(new Set(results.map(({ status }) => status)), new Set(['valid']));
    assert.equal(mcp.seen.filter(({ path }) => path === '/token').length, 1);
  });

  test('what echoes the secrets is scrubbed, and none is in the logs or on disk', async () => {
    const spelled = [secret('access'), secret('refresh'), secret('client')].flatMap((one) => [
      one,
      encodeURIComponent(one),
      Buffer.from(one).toString('base64'),
      JSON.stringify(one),
    ]);
    mcp.guard((_request, response) => answer(response, 401, spelled.join(' '), 'text/plain'));
    const result = await validate(await credential());
    const said = JSON.stringify(result);
    for (const one of [marker, encodeURIComponent(marker), 'CANARY']) assert.ok(!said.includes(one), said);
    for (const name of ['access', 'refresh', 'client'])
      assert.ok(!said.includes(Buffer.from(secret(name)).toString('base64').slice(0, 12)), name);
    assert.equal(server.errors().length, 0);
    assert.throws(() => execFileSync('grep', ['-rl', 'CANARY', home.dataDir]), 'grep finds nothing');
  });

  test('is for OAuth credentials that are there and not archived', async () => {
    const { client } = server;
    await assert.rejects(
      validate(await put(client, bearer('https://mcp.example.com'))),
      bad(/^Credential vcrd_\w+ is of type static_bearer; only mcp_oauth can be validated$/),
    );
    const created = await credential();
    await client.beta.vaults.credentials.archive(created.id, { vault_id: created.vault_id });
    await assert.rejects(validate(created), bad(/is archived/));
    await assert.rejects(
      validate({ ...created, id: 'vcrd_none' }),
      absent('Credential not found: vcrd_none'),
    );
    await assert.rejects(
      validate({ ...created, vault_id: 'vlt_none' }),
      refused(404, 'not_found_error', 'Vault not found: vlt_none'),
    );
  });
});

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { all, bad } from '../support/sdk-calls.ts';
import { contents } from '../support/server-contents.ts';
import { describeServer } from '../support/server-suite.ts';
import type { Auth, Refresh } from '../support/server-vaults.ts';
import { bearer, oauth, variable, without } from '../support/server-vaults.ts';

const url = 'https://mcp.example.com/sse';
const text = (length: number) => 'é'.repeat(length);
const limited = (...allowed_hosts: string[]) => ({
  ...variable('KEY'),
  networking: { type: 'limited', allowed_hosts },
});
const refresh = (more: object) => oauth(url, more as Partial<Refresh>);
const secret = (client_secret: string) =>
  refresh({ token_endpoint_auth: { type: 'client_secret_post', client_secret } });
const pairs = Object.fromEntries(Array.from({ length: 17 }, (_, at) => [`k${at}`, 'v']));

type Case = readonly [name: string, body: object, message: string | RegExp];
const auths: readonly (readonly [name: string, auth: unknown, message: string | RegExp])[] = [
  ['no type', {}, 'auth.type is required'],
  [
    'an unknown type',
    { type: 'password' },
    /^Failed to parse request: auth\.type: "password" is not a valid value; expected one of mcp_oauth, static_bearer, environment_variable/,
  ],
  ['an unknown field', { ...bearer(url), user: 'me' }, 'Failed to parse request body: unknown field "user"'],
  ['no server', without(bearer(url), 'mcp_server_url'), 'auth.mcp_server_url is required'],
  ['a server that is no URL', bearer('mcp.example.com'), 'auth.mcp_server_url: must be an http or https URL'],
  ['a server by another protocol', bearer('ftp://a.example.com'), /must be an http or https URL/],
  [
    'a password in a URL',
    bearer('https://me:hush@mcp.example.com'),
    'auth.mcp_server_url: must not contain a user name or password',
  ],
  [
    'a server too long',
    bearer(`${url}${text(2048)}`),
    'auth.mcp_server_url: must be at most 2047 characters',
  ],
  ['no token', without(bearer(url), 'token'), 'auth.token is required'],
  ['an empty token', bearer(url, ''), 'auth.token: must be at least 1 character'],
  ['a token too long', bearer(url, text(8193)), 'auth.token: must be at most 8192 characters'],
  [
    'a token that is no text',
    { ...bearer(url), token: 5 },
    'Failed to parse request: auth.token: expected string, received number',
  ],
  ['no access token', without(oauth(url), 'access_token'), 'auth.access_token is required'],
  ['an access token too long', { ...oauth(url), access_token: text(8193) }, /at most 8192 characters/],
  ['an end that is none', { ...oauth(url), expires_at: 'soon' }, 'auth.expires_at: must be an RFC 3339 time'],
  [
    'an end in the past',
    { ...oauth(url), expires_at: '2020-01-01T00:00:00Z' },
    'auth.expires_at: must be in the future',
  ],
  ['no refresh token', refresh({ refresh_token: undefined }), 'auth.refresh.refresh_token is required'],
  ['a refresh token too long', refresh({ refresh_token: text(4097) }), /at most 4096 characters/],
  ['no token endpoint', refresh({ token_endpoint: undefined }), 'auth.refresh.token_endpoint is required'],
  ['a token endpoint that is none', refresh({ token_endpoint: 'x' }), /must be an http or https URL/],
  ['no client', refresh({ client_id: undefined }), 'auth.refresh.client_id is required'],
  ['a client too long', refresh({ client_id: text(1025) }), /at most 1024 characters/],
  ['a scope too long', refresh({ scope: text(8193) }), /at most 8192 characters/],
  ['a resource too long', refresh({ resource: text(2048) }), /at most 2047 characters/],
  ['no method', refresh({ token_endpoint_auth: undefined }), /auth\.refresh\.token_endpoint_auth/],
  ['an unknown method', refresh({ token_endpoint_auth: { type: 'jwt' } }), /"jwt" is not a valid value/],
  [
    'a method without its secret',
    refresh({ token_endpoint_auth: { type: 'client_secret_basic' } }),
    /is required$/,
  ],
  [
    'a secret without a method',
    refresh({ token_endpoint_auth: { type: 'none', client_secret: 's' } }),
    'Failed to parse request body: unknown field "client_secret"',
  ],
  ['a client secret too long', secret(text(513)), /at most 512 characters/],
  ['no name', without(variable('KEY'), 'secret_name'), 'auth.secret_name is required'],
  ...['', '1KEY', 'MY-KEY', 'MY KEY', 'KEY=1', 'É'].map(
    (name) => [`the name "${name}"`, variable(name), /^auth\.secret_name: must be/] as const,
  ),
  ['a name too long', variable('K'.repeat(256)), 'auth.secret_name: must be at most 255 characters'],
  ['no value', without(variable('KEY'), 'secret_value'), 'auth.secret_value is required'],
  ['a value too long', variable('KEY', { secret_value: text(8193) }), /at most 8192 characters/],
  ['no networking', without(variable('KEY'), 'networking'), /^auth\.networking/],
  [
    'null networking',
    { ...variable('KEY'), networking: null },
    /auth\.networking: expected object, received null/,
  ],
  ['no hosts', limited(), 'auth.networking.allowed_hosts: must contain at least 1 item'],
  ['too many hosts', limited(...Array(17).fill('a.example.com')), /must contain at most 16 items/],
  ...[
    'https://a.example.com',
    'a.example.com:443',
    'a.example.com/x',
    '::1',
    '[::1]',
    'a.*.com',
    '*',
    '',
  ].map(
    (host) =>
      [
        `the host "${host}"`,
        limited('b.example.com', host),
        /^auth\.networking\.allowed_hosts\[1\]: /,
      ] as const,
  ),
  [
    'no location',
    variable('KEY', { injection_location: { header: false, body: false } }),
    'auth.injection_location: at least one of header and body must be true',
  ],
  ['an empty location', variable('KEY', { injection_location: {} }), /at least one of header and body/],
  [
    'a null location',
    { ...variable('KEY'), injection_location: null },
    /auth\.injection_location: expected object, received null/,
  ],
  [
    'a location with a null',
    { ...variable('KEY'), injection_location: { header: null } },
    /auth\.injection_location\.header: expected boolean, received null/,
  ],
];
const cases: readonly Case[] = [
  ...auths.map(([name, auth, message]): Case => [name, { auth }, message]),
  ['no auth', {}, 'auth is required'],
  [
    'an unknown field',
    { auth: bearer(url), name: 'x' },
    'Failed to parse request body: unknown field "name"',
  ],
  [
    'a display name too long',
    { auth: bearer(url), display_name: text(256) },
    'display_name: must be at most 255 characters',
  ],
];
const vaults: readonly Case[] = [
  ['no display name', {}, 'display_name is required'],
  ['an empty display name', { display_name: '' }, 'display_name: must be at least 1 character'],
  ['a display name too long', { display_name: text(256) }, 'display_name: must be at most 255 characters'],
  [
    'an unknown field',
    { display_name: 'x', name: 'x' },
    'Failed to parse request body: unknown field "name"',
  ],
];

describeServer('a bad vault or credential is refused, repeats no secret, changes nothing', ({ server }) => {
  let vaultId: string;
  before(async () => {
    vaultId = (await server.client.beta.vaults.create({ display_name: 'Keys' })).id;
  });

  const everything = async () => [
    await contents(server),
    await all(server.client.beta.vaults.credentials.list(vaultId)),
  ];

  for (const [name, body, message] of cases) {
    test(`a credential with ${name}`, async () => {
      const earlier = await everything();
      // What the SDK's types would not let through.
      const params = body as { auth: Auth };
      await assert.rejects(server.client.beta.vaults.credentials.create(vaultId, params), bad(message));
      assert.deepEqual(await everything(), earlier);
    });
  }

  for (const [name, body, message] of vaults) {
    test(`a vault with ${name}`, async () => {
      const earlier = await everything();
      const params = body as { display_name: string };
      await assert.rejects(server.client.beta.vaults.create(params), bad(message));
      assert.deepEqual(await everything(), earlier);
    });
  }

  test('metadata with too many pairs', async () => {
    const { client } = server;
    const create = client.beta.vaults.create({ display_name: 'Keys', metadata: pairs });
    await assert.rejects(create, bad(/at most 16 pairs/, 'invalid_metadata'));
    const put = client.beta.vaults.credentials.create(vaultId, { auth: bearer(url), metadata: pairs });
    await assert.rejects(put, bad(/at most 16 pairs/, 'invalid_metadata'));
    const update = client.beta.vaults.update(vaultId, { metadata: pairs });
    await assert.rejects(update, bad(/at most 16 pairs/, 'invalid_metadata'));
  });

  test('a page beyond the limit, or from nowhere', async () => {
    const { vaults: all } = server.client.beta;
    for (const list of [
      (query: object) => all.list(query),
      (query: object) => all.credentials.list(vaultId, query),
    ]) {
      for (const limit of [0, 101])
        await assert.rejects(list({ limit }), bad('limit must be between 1 and 100'));
      await assert.rejects(list({ page: 'nowhere' }), bad(/page/));
    }
  });
});

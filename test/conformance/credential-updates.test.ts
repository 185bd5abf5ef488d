import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bad } from '../support/sdk-calls.ts';
import { describeServer } from '../support/server-suite.ts';
import type { Auth, Changes, Created } from '../support/server-vaults.ts';
import { bearer, oauth, put, retrieve, update, variable, without } from '../support/server-vaults.ts';

const url = 'https://mcp.example.com/sse';

describeServer('an update of a credential', ({ client }) => {
  const oauthUpdate = (more: object) => ({ auth: { type: 'mcp_oauth' as const, ...more } });
  const refreshUpdate = (refresh: object) => oauthUpdate({ refresh });
  const located = (injection_location: object) => ({
    auth: { type: 'environment_variable' as const, injection_location },
  });
  const basic = { type: 'client_secret_basic' };
  const keeps: readonly (readonly [name: string, auth: Auth, changes: Changes])[] = [
    ['nothing', oauth(url), {}],
    ['nulls', oauth(url), { display_name: null, metadata: null }],
    ['null secrets', oauth(url), oauthUpdate({ access_token: null, expires_at: null, refresh: null })],
    ['null refresh secrets', oauth(url), refreshUpdate({ refresh_token: null, scope: null })],
    ['the scope it has', oauth(url), refreshUpdate({ scope: 'read write' })],
    ['a method without a secret', oauth(url), refreshUpdate({ token_endpoint_auth: basic })],
    ['a null token', bearer(url), { auth: { type: 'static_bearer', token: null } }],
    ['no location', variable('KEY'), located({})],
  ];
  for (const [name, auth, changes] of keeps) {
    test(`that brings ${name} changes nothing`, async () => {
      const made = await put(client, auth);
      assert.deepEqual(await update(client, made, changes), made);
    });
  }

  const changed: readonly (readonly [
    name: string,
    auth: Auth,
    changes: Changes,
    become: (auth: Created['auth']) => unknown,
  ])[] = [
    ['a token', bearer(url), { auth: { type: 'static_bearer', token: 'new' } }, (auth) => auth],
    [
      'an access token alone, which keeps the end',
      oauth(url),
      oauthUpdate({ access_token: 'new' }),
      (auth) => auth,
    ],
    [
      'a value',
      variable('KEY'),
      { auth: { type: 'environment_variable', secret_value: 'new' } },
      (auth) => auth,
    ],
    [
      'a client secret of the other method, which does not change it',
      oauth(url),
      refreshUpdate({ token_endpoint_auth: { type: 'client_secret_post', client_secret: 'new' } }),
      (auth) => auth,
    ],
    [
      'an end in another time zone',
      oauth(url),
      oauthUpdate({ expires_at: '2098-01-01T01:00:00+01:00' }),
      (auth) => ({ ...auth, expires_at: '2098-01-01T00:00:00.000000Z' }),
    ],
    [
      'a scope',
      oauth(url),
      refreshUpdate({ scope: 'admin' }),
      (auth) => ({ ...auth, refresh: { ...refreshOf(auth), scope: 'admin' } }),
    ],
    [
      'an empty scope, which clears it',
      oauth(url),
      refreshUpdate({ scope: '' }),
      (auth) => ({ ...auth, refresh: without(refreshOf(auth), 'scope') }),
    ],
    [
      'networking, as a whole',
      variable('KEY', { networking: { type: 'limited', allowed_hosts: ['a.example.com', 'b.example.com'] } }),
      {
        auth: {
          type: 'environment_variable',
          networking: { type: 'limited', allowed_hosts: ['c.example.com'] },
        },
      },
      (auth) => ({ ...auth, networking: { type: 'limited', allowed_hosts: ['c.example.com'] } }),
    ],
    [
      'one location',
      variable('KEY'),
      located({ body: false }),
      (auth) => ({ ...auth, injection_location: { header: true, body: false } }),
    ],
  ];
  for (const [name, auth, changes, become] of changed) {
    test(`brings ${name}`, async () => {
      const made = await put(client, auth);
      const after = await update(client, made, changes);
      assert.ok(after.updated_at > made.updated_at);
      assert.deepEqual(after, { ...made, auth: become(made.auth), updated_at: after.updated_at });
      assert.deepEqual(await retrieve(client, made), after);
    });
  }

  test('brings a name and merges metadata', async () => {
    const made = await put(client, variable('KEY'));
    const after = await update(client, made, { display_name: 'Mine', metadata: { a: 'b' } });
    assert.deepEqual([after.display_name, after.metadata], ['Mine', { a: 'b' }]);
    assert.deepEqual((await update(client, made, { metadata: { a: null, c: 'd' } })).metadata, { c: 'd' });
  });

  const publicClient = oauth(url, { token_endpoint_auth: { type: 'none' } });
  const noRefresh: Auth = { type: 'mcp_oauth', mcp_server_url: url, access_token: 'a' };
  const headerOnly = variable('KEY', { injection_location: { header: true } });
  const refusedUpdates: readonly (readonly [
    name: string,
    auth: Auth,
    changes: object,
    message: string | RegExp,
  ])[] = [
    [
      'another type',
      bearer(url),
      { auth: { type: 'mcp_oauth' } },
      /^auth\.type: must be "static_bearer", .* cannot be changed$/,
    ],
    [
      'another server',
      bearer(url),
      { auth: { type: 'static_bearer', mcp_server_url: url } },
      /unknown field "mcp_server_url"/,
    ],
    [
      'another name',
      variable('KEY'),
      { auth: { type: 'environment_variable', secret_name: 'A' } },
      /unknown field "secret_name"/,
    ],
    [
      'another token endpoint',
      oauth(url),
      refreshUpdate({ token_endpoint: url }),
      /unknown field "token_endpoint"/,
    ],
    ['another client', oauth(url), refreshUpdate({ client_id: 'c' }), /unknown field "client_id"/],
    ['another resource', oauth(url), refreshUpdate({ resource: 'r' }), /unknown field "resource"/],
    [
      'an end in the past',
      oauth(url),
      oauthUpdate({ expires_at: '2020-01-01T00:00:00Z' }),
      /must be in the future/,
    ],
    [
      'refresh where there is none',
      noRefresh,
      refreshUpdate({ scope: 'a' }),
      /^auth\.refresh: .* created without refresh/,
    ],
    [
      'a client secret where there is none',
      publicClient,
      refreshUpdate({ token_endpoint_auth: { ...basic, client_secret: 's' } }),
      /^auth\.refresh\.token_endpoint_auth: this credential uses no client secret/,
    ],
    [
      'no method where there is one',
      oauth(url),
      refreshUpdate({ token_endpoint_auth: { type: 'none' } }),
      /token_endpoint_auth\.type: "none" is not a valid value; expected one of client_secret_basic, client_secret_post/,
    ],
    [
      'the last location away',
      headerOnly,
      located({ header: false }),
      /^auth\.injection_location: at least one/,
    ],
    [
      'a null location',
      variable('KEY'),
      located({ body: null }),
      /injection_location\.body: expected boolean, received null/,
    ],
    [
      'an empty token',
      bearer(url),
      { auth: { type: 'static_bearer', token: '' } },
      'auth.token: must be at least 1 character',
    ],
    ['an empty name', bearer(url), { display_name: '' }, 'display_name: must be at least 1 character'],
  ];
  for (const [name, auth, changes, message] of refusedUpdates) {
    test(`that brings ${name} is refused and changes nothing`, async () => {
      const made = await put(client, auth);
      await assert.rejects(update(client, made, changes), bad(message));
      assert.deepEqual(await retrieve(client, made), made);
    });
  }
});

function refreshOf(auth: Created['auth']): object {
  assert.ok(auth.type === 'mcp_oauth' && auth.refresh);
  return auth.refresh;
}

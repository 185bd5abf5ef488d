import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConflictError, NotFoundError } from '@anthropic-ai/sdk';
import { absent, all, bad, refused } from '../support/sdk-calls.ts';
import { openSession, say, spoken } from '../support/server-sessions.ts';
import { describeServer } from '../support/server-suite.ts';
import type { Auth } from '../support/server-vaults.ts';
import { bearer, oauth, put, retrieve, update, variable, without } from '../support/server-vaults.ts';

const url = 'https://mcp.example.com/sse';

describeServer('vaults and credentials over HTTP', ({ client }) => {
  const newVault = () => client.beta.vaults.create({ display_name: 'Keys' });

  describe('a vault', () => {
    test('is made, shown, renamed and listed', async () => {
      const made = await client.beta.vaults.create({
        display_name: 'Keys',
        metadata: { team: 'red', a: 'b' },
      });
      const { id, created_at } = made;
      assert.match(id, /^vlt_01\w{22}$/);
      assert.deepEqual(
        { ...made },
        {
          id,
          type: 'vault',
          display_name: 'Keys',
          metadata: { team: 'red', a: 'b' },
          created_at,
          updated_at: created_at,
          archived_at: null,
        },
      );
      assert.deepEqual(await client.beta.vaults.retrieve(id), made);
      const changes = { display_name: 'More keys', metadata: { team: 'blue', a: null } };
      const changed = await client.beta.vaults.update(id, changes);
      assert.deepEqual([changed.display_name, changed.metadata], ['More keys', { team: 'blue' }]);
      assert.ok(changed.updated_at > created_at);
      for (const nothing of [{}, { display_name: null, metadata: null }, { metadata: { team: 'blue' } }])
        assert.deepEqual(await client.beta.vaults.update(id, nothing), changed);
      assert.deepEqual((await client.beta.vaults.list({ limit: 1 })).data, [changed]);
    });

    test('is archived for good, is hidden from lists and takes no more changes', async () => {
      const { id } = await newVault();
      const archived = await client.beta.vaults.archive(id);
      assert.notEqual(archived.archived_at, null);
      assert.deepEqual(await client.beta.vaults.archive(id), archived);
      assert.deepEqual(await client.beta.vaults.retrieve(id), archived);
      const ids = async (include_archived: boolean) =>
        (await all(client.beta.vaults.list({ include_archived }))).map((vault) => vault.id);
      assert.ok(!(await ids(false)).includes(id));
      assert.ok((await ids(true)).includes(id));
      await assert.rejects(
        client.beta.vaults.update(id, { display_name: 'x' }),
        bad(`Vault ${id} is archived.`),
      );
      const late = client.beta.vaults.credentials.create(id, { auth: variable('KEY') });
      await assert.rejects(late, bad(`Vault ${id} is archived.`));
    });

    test('takes its credentials along when it is archived or deleted', async () => {
      const credential = await put(client, variable('KEY'));
      const { vault_id } = credential;
      const other = await put(client, variable('KEY'));
      const { archived_at } = await client.beta.vaults.archive(vault_id);
      const archived = await retrieve(client, credential);
      assert.deepEqual(archived, { ...credential, archived_at, updated_at: archived_at });
      assert.deepEqual(await all(client.beta.vaults.credentials.list(vault_id)), []);
      const query = { include_archived: true };
      assert.deepEqual(await all(client.beta.vaults.credentials.list(vault_id, query)), [archived]);
      await assert.rejects(
        update(client, credential, { display_name: 'x' }),
        bad(/^Credential vcrd_\w+ is archived\.$/),
      );
      assert.deepEqual(
        { ...(await client.beta.vaults.delete(vault_id)) },
        { id: vault_id, type: 'vault_deleted' },
      );
      await assert.rejects(retrieve(client, credential), absent(`Vault not found: ${vault_id}`));
      await assert.rejects(client.beta.vaults.delete(vault_id), absent(`Vault not found: ${vault_id}`));
      assert.deepEqual(await retrieve(client, other), other);
    });
  });

  describe('a credential', () => {
    const shownOauth: Record<string, unknown> = {
      ...without(oauth(url), 'access_token', 'refresh'),
      expires_at: '2099-01-02T03:04:05.000000Z',
    };
    const shownRefresh = {
      ...without(oauth(url).refresh ?? {}, 'refresh_token'),
      token_endpoint_auth: { type: 'client_secret_basic' },
    };
    const limited = {
      type: 'limited' as const,
      allowed_hosts: ['api.example.com', '192.0.2.1', '*.example.com'],
    };
    const both = { header: true, body: true };
    const shown: readonly (readonly [name: string, auth: Auth, shown: unknown])[] = [
      ['OAuth', oauth(url), { ...shownOauth, refresh: shownRefresh }],
      [
        'OAuth without refresh or end',
        { type: 'mcp_oauth', mcp_server_url: url, access_token: 'a', expires_at: null, refresh: null },
        { type: 'mcp_oauth', mcp_server_url: url },
      ],
      [
        'OAuth with a public client',
        oauth(url, { token_endpoint_auth: { type: 'none' }, scope: '', resource: null }),
        {
          ...shownOauth,
          refresh: { ...without(shownRefresh, 'scope', 'resource'), token_endpoint_auth: { type: 'none' } },
        },
      ],
      ['a bearer token', bearer(url), { type: 'static_bearer', mcp_server_url: url }],
      [
        'a variable',
        variable('KEY'),
        { ...without(variable('KEY'), 'secret_value'), injection_location: both },
      ],
      [
        'a variable for some hosts and headers only',
        variable('_k1', { networking: limited, injection_location: { header: true } }),
        {
          ...without(variable('_k1', { networking: limited }), 'secret_value'),
          injection_location: { header: true, body: false },
        },
      ],
    ];
    for (const [name, auth, expected] of shown) {
      test(`is shown without its secrets: ${name}`, async () => {
        const { id: vaultId } = await newVault();
        const params = { auth, display_name: 'Mine', metadata: { a: 'b' } };
        const made = await client.beta.vaults.credentials.create(vaultId, params);
        const { id, created_at } = made;
        assert.match(id, /^vcrd_01\w{22}$/);
        assert.deepEqual(
          { ...made },
          {
            id,
            type: 'vault_credential',
            vault_id: vaultId,
            display_name: 'Mine',
            auth: expected,
            metadata: { a: 'b' },
            created_at,
            updated_at: created_at,
            archived_at: null,
          },
        );
        assert.deepEqual(await retrieve(client, made), made);
        assert.deepEqual(await all(client.beta.vaults.credentials.list(vaultId)), [made]);
      });
    }

    const same: readonly (readonly [name: string, first: Auth, second: Auth])[] = [
      ['a variable', variable('KEY'), variable('KEY')],
      ['a server', bearer(url), bearer(url)],
      ['a server, by token and OAuth', bearer(url), oauth(url)],
      ['a server spelt differently', bearer(url), bearer('HTTPS://MCP.example.com:443/sse/#top')],
    ];
    for (const [name, first, second] of same) {
      test(`is the only active one of its vault for ${name}`, async () => {
        const { id, vault_id } = await put(client, first);
        const again = () => client.beta.vaults.credentials.create(vault_id, { auth: second });
        await assert.rejects(again(), (cause) => {
          assert.ok(cause instanceof ConflictError);
          return refused(409, 'conflict_error', new RegExp(`active credential ${id} of vault`))(cause);
        });
        const archived = await client.beta.vaults.credentials.archive(id, { vault_id });
        assert.deepEqual(await client.beta.vaults.credentials.archive(id, { vault_id }), archived);
        await again();
        await put(client, second);
      });
    }

    test('does not stand for another path, port, query or spelling of a variable', async () => {
      const { vault_id } = await put(client, bearer('https://mcp.example.com'));
      const others = [
        url,
        'https://mcp.example.com:8443',
        'http://mcp.example.com',
        `${url}?a=1`,
        `${url}/A`,
      ];
      for (const auth of [...others.map((each) => bearer(each)), variable('KEY'), variable('key')])
        await client.beta.vaults.credentials.create(vault_id, { auth });
    });

    test('is one of twenty active ones at most', async () => {
      const { id } = await newVault();
      const create = (name: string) => client.beta.vaults.credentials.create(id, { auth: variable(name) });
      const made = await Promise.all(Array.from({ length: 20 }, (_, at) => create(`KEY_${at}`)));
      await assert.rejects(create('KEY_20'), bad(/has 20 active credentials, the most it can hold/));
      const seen = await all(client.beta.vaults.credentials.list(id, { limit: 7 }));
      assert.deepEqual(seen.map((each) => each.id).sort(), made.map((each) => each.id).sort());
      assert.deepEqual(
        seen.map((each) => each.created_at),
        seen
          .map((each) => each.created_at)
          .sort()
          .reverse(),
      );
      const [first] = made;
      assert.ok(first);
      await client.beta.vaults.credentials.archive(first.id, { vault_id: id });
      await create('KEY_20');
      assert.equal(
        (await all(client.beta.vaults.credentials.list(id, { include_archived: true }))).length,
        21,
      );
    });

    test('is found below its own vault only', async () => {
      const { id } = await put(client, variable('KEY'));
      const { id: vault_id } = await newVault();
      const { credentials } = client.beta.vaults;
      const says = absent(`Credential not found: ${id}`);
      await assert.rejects(credentials.retrieve(id, { vault_id }), says);
      await assert.rejects(credentials.update(id, { vault_id, display_name: 'x' }), says);
      await assert.rejects(credentials.archive(id, { vault_id }), says);
      await assert.rejects(credentials.delete(id, { vault_id }), says);
      const nowhere = { vault_id: 'vlt_01no' };
      await assert.rejects(credentials.retrieve(id, nowhere), absent('Vault not found: vlt_01no'));
      await assert.rejects(credentials.list('vlt_01no'), absent('Vault not found: vlt_01no'));
      const lost = credentials.create('vlt_01no', { auth: variable('KEY') });
      await assert.rejects(lost, absent('Vault not found: vlt_01no'));
    });

    test('is deleted for good', async () => {
      const made = await put(client, variable('KEY'));
      const { id, vault_id } = made;
      const deleted = await client.beta.vaults.credentials.delete(id, { vault_id });
      assert.deepEqual({ ...deleted }, { id, type: 'vault_credential_deleted' });
      await assert.rejects(retrieve(client, made), NotFoundError);
      await client.beta.vaults.credentials.create(vault_id, { auth: variable('KEY') });
    });
  });

  describe('sessions', () => {
    test('name vaults in order, and keep the names of those that are gone', async () => {
      const [first, second] = [await newVault(), await newVault()];
      const vault_ids = [second.id, first.id];
      const { id } = await openSession(client, {}, { vault_ids });
      const vaultsOf = async () => (await client.beta.sessions.retrieve(id)).vault_ids;
      assert.deepEqual(await vaultsOf(), vault_ids);
      await client.beta.vaults.archive(first.id);
      await client.beta.vaults.delete(second.id);
      assert.notEqual(spoken(await say(client, id, 'hello')), '');
      assert.deepEqual(await vaultsOf(), vault_ids);
      const [listed] = (await client.beta.sessions.list({ limit: 1 })).data;
      assert.deepEqual([listed?.id, listed?.vault_ids], [id, vault_ids]);
      await client.beta.sessions.archive(id);
      assert.deepEqual(await vaultsOf(), vault_ids);
    });

    test('are not made with a vault that is absent or archived, or with too many', async () => {
      const { agent, environment_id } = await openSession(client);
      const { id } = await newVault();
      const create = (vault_ids: string[]) =>
        client.beta.sessions.create({ agent: agent.id, environment_id, vault_ids });
      const count = async () => (await all(client.beta.sessions.list())).length;
      const earlier = await count();
      await assert.rejects(create([id, 'vlt_01no']), absent('Vault not found: vlt_01no'));
      await client.beta.vaults.archive(id);
      await assert.rejects(create([id]), bad(`Vault ${id} is archived.`));
      await assert.rejects(create(Array(51).fill(id)), bad('vault_ids: must contain at most 50 items'));
      assert.equal(await count(), earlier);
    });
  });
});

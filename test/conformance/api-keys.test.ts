import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type Anthropic from '@anthropic-ai/sdk';
import type { NewApiKey } from '../../src/protocol/api-keys.ts';
import { routes } from '../../src/protocol/routes.ts';
import { absent, all, bad, refused } from '../support/sdk-calls.ts';
import type { ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import type { Tenant } from '../support/server-admin.ts';
import { clientWith, createKey, newTenant } from '../support/server-admin.ts';
import { assertRefused, call } from '../support/server-http.ts';
import { openSession, say } from '../support/server-sessions.ts';

const home = serverHome();
let server: ServerProcess;
let keys: Anthropic['organization']['apiKeys'];
let tenant: Tenant;
let defaultWorkspaceId: string;

before(async () => {
  server = await home.start({ ANTHILL_LOG_LEVEL: 'debug' });
  keys = server.client.organization.apiKeys;
  tenant = await newTenant(server);
  const reply = await call(server, { path: '/v1/agents' });
  defaultWorkspaceId = reply.headers.get('anthropic-workspace-id') ?? '';
});
after(() => home.remove());

const make = (body: object) => createKey(server.client, body);
const organization = { scope: { type: 'organization' } };
const forbidden = (message: RegExp, errorCode?: string) =>
  refused(403, 'permission_error', message, errorCode ? { details: { error_code: errorCode } } : {});
const stranger = (message: RegExp) => refused(401, 'authentication_error', message);

function shown({ secret: _, ...key }: NewApiKey) {
  return key;
}

describe('an API key', () => {
  test('is made for the default workspace, shown with its secret once, and works at once', async () => {
    const key = await make({ name: 'CI' });
    assert.match(key.id, /^apikey_\w+$/);
    assert.match(key.secret, /^sk-anthill-\w{43}$/);
    assert.deepEqual(shown(key), {
      id: key.id,
      type: 'api_key',
      name: 'CI',
      status: 'active',
      scope: { type: 'workspace', workspace_id: defaultWorkspaceId },
      partial_key_hint: `${key.secret.slice(0, 14)}...${key.secret.slice(-4)}`,
      principal: null,
      created_by: null,
      created_at: key.created_at,
      expires_at: null,
    });
    assert.deepEqual({ ...(await keys.retrieve(key.id)) }, shown(key));
    assert.deepEqual((await keys.list({ limit: 1 })).data, [shown(key)]);
    const agents = await clientWith(server, key.secret).beta.agents.list();
    assert.ok(Array.isArray(agents.data));
  });

  test('of a workspace acts there, of the organization everywhere', async () => {
    const { client, workspaceId, key } = tenant;
    assert.deepEqual(key.scope, { type: 'workspace', workspace_id: workspaceId });
    const { response } = await client.beta.agents.list().withResponse();
    assert.equal(response.headers.get('anthropic-workspace-id'), workspaceId);
    const boss = await make({ name: 'boss', ...organization });
    assert.deepEqual(boss.scope, { type: 'organization' });
    const there = clientWith(server, boss.secret, { 'anthropic-workspace-id': workspaceId });
    const agent = await client.beta.agents.create({ name: 'Ant', model: 'scripted/demo' });
    assert.equal((await there.beta.agents.retrieve(agent.id)).id, agent.id);
    await assert.rejects(clientWith(server, boss.secret).beta.agents.retrieve(agent.id), { status: 404 });
    assert.equal((await clientWith(server, boss.secret).organization.retrieve()).type, 'organization');
  });

  test('is made where its maker acts, unless it says otherwise', async () => {
    const { secret: _, ...key } = await createKey(tenant.admin, { name: 'there' });
    assert.deepEqual(key.scope, { type: 'workspace', workspace_id: tenant.workspaceId });
    const scope = { type: 'workspace', workspace_id: defaultWorkspaceId };
    assert.deepEqual((await createKey(tenant.admin, { name: 'here', scope })).scope, scope);
  });

  test('is renamed, disabled and enabled, and refused from the next request on', async () => {
    const key = await make({ name: 'old' });
    const client = clientWith(server, key.secret);
    await client.beta.agents.list();
    assert.equal((await keys.update(key.id, { name: 'new' })).name, 'new');
    for (let count = 0; count < 3; count++) {
      assert.equal((await keys.update(key.id, { status: 'inactive' })).status, 'inactive');
      await assert.rejects(client.beta.agents.list(), stranger(/^invalid x-api-key: this key is inactive$/));
      assert.equal((await keys.update(key.id, { status: 'active' })).status, 'active');
      await client.beta.agents.list();
    }
    assert.equal((await keys.update(key.id, {})).name, 'new');
    assert.equal((await keys.update(key.id, { name: null, status: null })).name, 'new');
  });

  test('is archived for good', async () => {
    const key = await make({ name: 'old' });
    assert.equal((await keys.update(key.id, { status: 'archived' })).status, 'archived');
    assert.equal((await keys.update(key.id, { status: 'archived' })).status, 'archived');
    await assert.rejects(keys.update(key.id, { status: 'active' }), bad(`API key ${key.id} is archived.`));
    await assert.rejects(keys.update(key.id, { name: 'new' }), bad(`API key ${key.id} is archived.`));
    const client = clientWith(server, key.secret);
    await assert.rejects(client.beta.agents.list(), stranger(/this key is archived$/));
    assert.ok((await all(keys.list({ status: 'archived' }))).some(({ id }) => id === key.id));
  });

  test('expires, and cannot be brought back', async () => {
    const soon = new Date(Date.now() + 1_500).toISOString();
    const key = await make({ name: 'short', expires_at: soon });
    assert.equal(key.expires_at, soon.replace('Z', '000Z'));
    const client = clientWith(server, key.secret);
    await client.beta.agents.list();
    await new Promise((resolve) => setTimeout(resolve, Date.parse(soon) - Date.now() + 5));
    await assert.rejects(client.beta.agents.list(), stranger(/this key has expired$/));
    assert.equal((await keys.retrieve(key.id)).status, 'expired');
    assert.ok((await all(keys.list({ status: 'expired' }))).some(({ id }) => id === key.id));
    assert.equal((await all(keys.list({ status: 'active' }))).filter(({ id }) => id === key.id).length, 0);
    await keys.update(key.id, { status: 'inactive' });
    await assert.rejects(keys.update(key.id, { status: 'active' }), bad(/has expired/));
  });

  test('lists page both ways, by workspace and status', async () => {
    for (let count = 0; count < 5; count++)
      await make({ name: `${count}`, scope: { type: 'workspace', workspace_id: tenant.workspaceId } });
    const every = await all(keys.list({ limit: 1000 }));
    const paged = await all(keys.list({ limit: 2 }));
    assert.deepEqual(paged, every);
    const times = every.map(({ created_at }) => created_at);
    assert.deepEqual(times, times.toSorted().toReversed());
    const [first, second, third, fourth] = every.map(({ id }) => id);
    const before = await keys.list({ before_id: fourth ?? '', limit: 2 });
    assert.deepEqual([before.data.map(({ id }) => id), before.has_more], [[second, third], true]);
    assert.deepEqual([before.first_id, before.last_id], [second, third]);
    const start = await keys.list({ before_id: third ?? '', limit: 2 });
    assert.deepEqual([start.data.map(({ id }) => id), start.has_more], [[first, second], false]);
    const end = await keys.list({ after_id: every.at(-1)?.id ?? '' });
    assert.deepEqual([end.data, end.has_more, end.first_id, end.last_id], [[], false, null, null]);
    const there = await all(keys.list({ workspace_id: tenant.workspaceId }));
    assert.ok(
      there.length >= 6 &&
        there.every(({ scope }) => 'workspace_id' in scope && scope.workspace_id === tenant.workspaceId),
    );
    assert.deepEqual((await keys.list({ created_by_user_id: 'user_1' })).data, []);
    assert.equal((await all(server.client.beta.organization.apiKeys.list())).length, every.length);
  });
});

describe('what is wrong with a key', () => {
  const unknownWorkspace = { type: 'workspace', workspace_id: 'wrkspc_none' };
  const cases: readonly (readonly [string, object, ReturnType<typeof bad>])[] = [
    ['no name', {}, bad('name is required')],
    ['an empty name', { name: '' }, bad('name: must be at least 1 character')],
    ['a long name', { name: 'x'.repeat(501) }, bad('name: must be at most 500 characters')],
    [
      'a field nobody knows',
      { name: 'x', admin: true },
      bad('Failed to parse request body: unknown field "admin"'),
    ],
    ['a secret of one’s own', { name: 'x', secret: 's' }, bad(/unknown field "secret"/)],
    ['a status', { name: 'x', status: 'active' }, bad(/unknown field "status"/)],
    [
      'a scope that is none',
      { name: 'x', scope: { type: 'planet' } },
      bad(/^Failed to parse request: scope\.type: "planet"/),
    ],
    [
      'a scope of nothing',
      { name: 'x', scope: { type: 'workspace' } },
      bad('scope.workspace_id is required'),
    ],
    [
      'more than a scope',
      { name: 'x', scope: { type: 'organization', workspace_id: 'w' } },
      bad(/unknown field "workspace_id"/),
    ],
    [
      'a workspace that is not there',
      { name: 'x', scope: unknownWorkspace },
      absent('Workspace not found: wrkspc_none'),
    ],
    [
      'a time that is none',
      { name: 'x', expires_at: 'tomorrow' },
      bad('expires_at: must be an RFC 3339 time'),
    ],
    [
      'a time that has passed',
      { name: 'x', expires_at: '2020-01-01T00:00:00Z' },
      bad('expires_at: must be in the future'),
    ],
  ];
  for (const [name, body, refusal] of cases) {
    test(`${name} is refused, and nothing is made`, async () => {
      const before = (await all(keys.list())).length;
      await assert.rejects(make(body), refusal);
      assert.equal((await all(keys.list())).length, before);
    });
  }

  test('a change of what cannot be changed, and of what is not there', async () => {
    const { id } = await make({ name: 'x' });
    const update = (body: object, keyId = id) => keys.update(keyId, body);
    await assert.rejects(
      update({ status: 'expired' }),
      bad(/^Failed to parse request: status: "expired" is not/),
    );
    await assert.rejects(update({ scope: { type: 'organization' } }), bad(/unknown field "scope"/));
    await assert.rejects(update({ expires_at: null }), bad(/unknown field "expires_at"/));
    await assert.rejects(update({ name: '' }), bad(/name: must be at least 1/));
    await assert.rejects(update({}, 'apikey_none'), absent('API key not found: apikey_none'));
    await assert.rejects(keys.retrieve('apikey_none'), absent('API key not found: apikey_none'));
    await assert.rejects(
      keys.list({ after_id: 'apikey_none' }),
      bad(/^after_id: nothing in this list has the id apikey_none$/),
    );
    await assert.rejects(
      keys.list({ after_id: id, before_id: id }),
      bad(/only one of after_id and before_id/),
    );
    await assert.rejects(keys.list({ limit: 1001 }), bad('limit must be between 1 and 1000'));
    await assert.rejects(
      keys.list({ status: 'lost' as 'active' }),
      bad(/status: "lost" is not a valid value/),
    );
  });
});

describe('who may manage the organization', () => {
  const admin = Object.entries(routes).filter(([, { path }]) => path.startsWith('/v1/organizations'));

  for (const [key, { method, path }] of admin) {
    test(`not an ordinary key: ${key}`, async () => {
      const sent = {
        method,
        path: path.replace(/:\w+/g, 'x'),
        headers: { 'anthropic-beta': 'webhooks-2026-10-07' },
        ...(method === 'POST' ? { body: { name: 'x', ...organization } } : {}),
      };
      const expected = { status: 403, type: 'permission_error', message: /cannot manage the organization/ };
      assertRefused(await call(tenant.server, sent), expected);
      // Naming a workspace makes nobody an admin.
      const headers = { ...sent.headers, 'anthropic-workspace-id': tenant.workspaceId };
      assertRefused(await call(tenant.server, { ...sent, headers }), expected);
    });
  }

  test('an ordinary key can neither see nor change itself, nor name another workspace', async () => {
    const own = tenant.client.organization.apiKeys;
    await assert.rejects(own.retrieve(tenant.key.id), forbidden(/cannot manage/));
    await assert.rejects(own.update(tenant.key.id, { status: 'inactive' }), forbidden(/cannot manage/));
    const elsewhere = clientWith(server, tenant.key.secret, { 'anthropic-workspace-id': defaultWorkspaceId });
    await assert.rejects(elsewhere.beta.agents.list(), forbidden(/this key acts in workspace \w+ only/));
    const nowhere = clientWith(server, tenant.key.secret, { 'anthropic-workspace-id': 'wrkspc_none' });
    await assert.rejects(nowhere.beta.agents.list(), forbidden(/this key acts in workspace \w+ only/));
  });

  test('a key of the organization that names no workspace there is', async () => {
    const nowhere = clientWith(server, server.apiKey, { 'anthropic-workspace-id': 'wrkspc_none' });
    await assert.rejects(nowhere.beta.agents.list(), absent('Workspace not found: wrkspc_none'));
  });

  test('the last key that can is kept, also when two admins shut each other out at once', async () => {
    for (let round = 0; round < 10; round++) {
      const others = (await all(keys.list({ status: 'active' }))).filter(
        ({ scope }) => scope.type === 'organization',
      );
      const rival = await make({ name: 'rival', ...organization });
      const first = others.find(({ name }) => name === 'first key');
      for (const { id } of others) if (id !== first?.id) await keys.update(id, { status: 'inactive' });
      const outcomes = await Promise.allSettled([
        keys.update(rival.id, { status: round % 2 === 0 ? 'inactive' : 'archived' }),
        clientWith(server, rival.secret).organization.apiKeys.update(first?.id ?? '', { status: 'inactive' }),
      ]);
      const usable = await usableOf([server.apiKey, rival.secret]);
      assert.equal(usable.length, 1, JSON.stringify(outcomes));
      const last = clientWith(server, usable[0] ?? '').organization.apiKeys;
      if (usable[0] === rival.secret) await last.update(first?.id ?? '', { status: 'active' });
      else if (round % 2 === 0) await last.update(rival.id, { status: 'active' });
    }
    const [mine] = (await all(keys.list({ status: 'active' }))).filter(({ name }) => name === 'first key');
    const boss = (await all(keys.list({ status: 'active' }))).filter(
      ({ scope }) => scope.type === 'organization',
    );
    for (const { id } of boss) if (id !== mine?.id) await keys.update(id, { status: 'archived' });
    for (const status of ['inactive', 'archived'] as const)
      await assert.rejects(keys.update(mine?.id ?? '', { status }), bad(/last_admin_key/, 'last_admin_key'));
    assert.equal((await keys.update(mine?.id ?? '', { name: 'first key' })).status, 'active');
  });
});

async function usableOf(secrets: readonly string[]): Promise<string[]> {
  const usable: string[] = [];
  for (const secret of secrets) {
    const known = await clientWith(server, secret)
      .organization.retrieve()
      .then(
        () => true,
        () => false,
      );
    if (known) usable.push(secret);
  }
  return usable;
}

describe('a stream', () => {
  test('ends within seconds once its key is disabled, and not before', async () => {
    const key = await make({ name: 'listener' });
    const client = clientWith(server, key.secret);
    const session = await openSession(client);
    const stream = await client.beta.sessions.events.stream(session.id);
    const other = await server.client.beta.sessions.events.stream(session.id);
    const seen: string[] = [];
    const ended = (async () => {
      for await (const event of stream) seen.push(event.type);
      return Date.now();
    })();
    await say(server.client, session.id, 'hello');
    const disabledAt = Date.now();
    await keys.update(key.id, { status: 'inactive' });
    assert.ok((await ended) - disabledAt < 5_000);
    assert.ok(seen.includes('session.status_idle'), 'what was said before was delivered');
    await assert.rejects(client.beta.sessions.events.stream(session.id), stranger(/inactive/));
    // Somebody else's stream goes on.
    const next = other[Symbol.asyncIterator]().next();
    assert.equal((await next).done, false);
    other.controller.abort();
  });
});

describe('secrets', () => {
  test('are in no answer but the first, in no file and in no line of the log', async () => {
    const key = await make({ name: 'canary' });
    await keys.update(key.id, { name: 'still a canary' });
    await assert.rejects(
      clientWith(server, `${key.secret}x`).beta.agents.list(),
      stranger(/^invalid x-api-key$/),
    );
    const answers = [await keys.retrieve(key.id), await all(keys.list({ limit: 1000 }))];
    assert.ok(!JSON.stringify(answers).includes(key.secret));
    assert.match(server.errors().join('\n'), /"route":"organization\.apiKeys update"/);
    assert.ok(!server.errors().join('\n').includes(key.secret));
    for (const file of readdirSync(home.dataDir, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      const bytes = readFileSync(join(file.parentPath, file.name));
      assert.ok(!bytes.includes(key.secret), file.name);
    }
  });
});

describe('a start', () => {
  test('after the first key was disabled has a new one, and the old one stays disabled', async () => {
    const place = serverHome();
    try {
      const first = await place.start();
      const boss = await createKey(first.client, { name: 'boss', ...organization });
      const [mine] = (await all(first.client.organization.apiKeys.list())).filter(({ id }) => id !== boss.id);
      await clientWith(first, boss.secret).organization.apiKeys.update(mine?.id ?? '', {
        status: 'inactive',
      });
      await first.stop();
      const second = await place.start();
      assert.notEqual(second.apiKey, first.apiKey);
      await second.client.organization.retrieve();
      await assert.rejects(clientWith(second, first.apiKey).beta.agents.list(), stranger(/inactive/));
      await second.stop();
      const third = await place.start();
      assert.equal(third.apiKey, second.apiKey);
    } finally {
      await place.remove();
    }
  });
});

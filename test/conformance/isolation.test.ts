import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { toFile } from '@anthropic-ai/sdk';
import { newId } from '../../src/base/ids.ts';
import { isForWorkersOnly } from '../../src/http/worker-scope.ts';
import { isAdminRoute } from '../../src/protocol/admin-routes.ts';
import { requestHeaders } from '../../src/protocol/beta.ts';
import { fieldsOf } from '../../src/protocol/fields.ts';
import type { Route } from '../../src/protocol/route.ts';
import type { RouteKey } from '../../src/protocol/routes.ts';
import { routes } from '../../src/protocol/routes.ts';
import type { Tenant } from '../support/server-admin.ts';
import { createEnvironmentKey, newTenant } from '../support/server-admin.ts';
import { contents } from '../support/server-contents.ts';
import { everyMorning } from '../support/server-deployments.ts';
import type { Reply, Sent } from '../support/server-http.ts';
import { call } from '../support/server-http.ts';
import { atRest, message, openSession } from '../support/server-sessions.ts';
import type { Part } from '../support/server-skills.ts';
import { formOf, skillMd, twoVersions } from '../support/server-skills.ts';
import { describeServer } from '../support/server-suite.ts';
import { bearer } from '../support/server-vaults.ts';

/**
 * What belongs to another workspace is not there: for every route of the table and every place where an id can
 * stand, the answer is the one that an id gets which nobody has. A new route is asked without a line here; if
 * it takes an id that this file does not know, or a body, it says what is missing.
 */

/** One of everything that a workspace can have, by the name that its id has in paths and queries. */
type Things = Readonly<Record<string, string>>;

/** Ids that are no workspace's: they belong to the organization, to nobody, or to what a client made up. */
const nobodys: ReadonlySet<string> = new Set([
  'model_id',
  'api_key_id',
  'workspace_id',
  'workspace_ids',
  'created_by_user_id',
  'service_account_id',
  'user_profile_id',
  'external_key_id',
  'client_id',
]);

async function thingsOf({ client, admin }: Tenant): Promise<Things> {
  const vault = await client.beta.vaults.create({ display_name: 'Keys' });
  const auth = bearer('https://mcp.example.com');
  const credential = await client.beta.vaults.credentials.create(vault.id, { auth });
  const given = { initial_events: [message('hello')], vault_ids: [vault.id] };
  const session = await openSession(client, {}, given);
  await atRest(client, session.id);
  const [thread] = (await client.beta.sessions.threads.list(session.id)).data;
  const [event] = (await client.beta.sessions.events.list(session.id)).data;
  const store = await client.beta.memoryStores.create({ name: 'Notes' });
  const memory = await client.beta.memoryStores.memories.create(store.id, { path: '/a', content: 'a' });
  const key = await createEnvironmentKey(admin, session.environment_id);
  const endpoint = await admin.beta.organization.webhooks.create({
    url: 'https://example.com',
    enabled_events: ['session.updated'] as never[],
  });
  const file = await client.files.upload({ file: await toFile(Buffer.from('a,b'), 'a.csv') });
  const mounted = await client.beta.sessions.resources.add(session.id, { type: 'file', file_id: file.id });
  const skill = await twoVersions(client);
  const deployment = await client.beta.deployments.create(everyMorning(session));
  const run = await client.beta.deployments.run(deployment.id);
  return {
    agent_id: session.agent.id,
    environment_id: session.environment_id,
    session_id: session.id,
    thread_id: thread?.id ?? '',
    event_id: event?.id ?? '',
    vault_id: vault.id,
    credential_id: credential.id,
    memory_store_id: store.id,
    memory_id: memory.id,
    memory_version_id: memory.memory_version_id,
    environment_key_id: key.id,
    webhook_endpoint_id: endpoint.id,
    file_id: file.id,
    resource_id: mounted.id,
    skill_id: skill.id,
    deployment_id: deployment.id,
    deployment_run_id: run.id,
    version: skill.versionIds[0],
  };
}

/** Ids of the same form that nobody has. */
function madeUp(things: Things): Things {
  return Object.fromEntries(
    Object.entries(things).map(([name, id]) => [
      name,
      newId(id.split('_')[0] as Parameters<typeof newId>[0]),
    ]),
  );
}

const hello = { type: 'user.message', content: [{ type: 'text', text: 'hello' }] };

/** Bodies that name nothing of another's and get a request as far as looking for what its path names. */
const bodies: Partial<Record<RouteKey, unknown>> = {
  'beta.sessions.resources add': (own: Things) => ({ type: 'file', file_id: own['file_id'] }),
  'beta.sessions.resources update': { authorization_token: 'theirs' },
  'beta.agents update': { description: 'theirs' },
  'beta.environments update': { description: 'theirs' },
  'beta.sessions update': { title: 'theirs' },
  'beta.sessions.events send': { events: [hello] },
  'beta.vaults update': { display_name: 'theirs' },
  'beta.vaults.credentials create': { auth: bearer('https://other.example.com') },
  'beta.vaults.credentials update': { display_name: 'theirs' },
  'beta.memoryStores update': { name: 'theirs' },
  'beta.memoryStores.memories create': { path: '/theirs', content: 'a' },
  'beta.memoryStores.memories update': { content: 'theirs' },
  'organization.environmentKeys create': { name: 'theirs' },
  'beta.organization.webhooks update': { name: 'theirs' },
};

/** The same of forms. */
const forms: Partial<Record<RouteKey, readonly Part[]>> = {
  'skills.versions create': [['files', skillMd('theirs'), 'theirs/SKILL.md']],
};

/** Bodies that name something: `own` is the caller's, `other` is another's or made up. */
const naming: Partial<Record<RouteKey, (own: Things, other: Things) => readonly unknown[]>> = {
  'beta.agents create': (_, other) =>
    membersOfAgents(other).map((members) => ({ name: 'a', model: 'scripted/demo', ...members })),
  'beta.agents update': (_, other) => membersOfAgents(other),
  'beta.sessions.resources add': (_, other) => [{ type: 'file', file_id: other['file_id'] }],
  'beta.deployments create': (own, other) => deploymentsOf(own, other),
  'beta.deployments update': (own, other) => deploymentsOf(own, other),
  'beta.sessions create': (own, other) => [
    { agent: other['agent_id'], environment_id: own['environment_id'] },
    { agent: { type: 'agent', id: other['agent_id'] }, environment_id: own['environment_id'] },
    { agent: { type: 'agent', id: other['agent_id'], version: 1 }, environment_id: own['environment_id'] },
    {
      agent: { type: 'agent_with_overrides', id: other['agent_id'], system: 's' },
      environment_id: own['environment_id'],
    },
    { agent: own['agent_id'], environment_id: other['environment_id'] },
    { agent: own['agent_id'], environment_id: own['environment_id'], vault_ids: [other['vault_id']] },
    {
      agent: own['agent_id'],
      environment_id: own['environment_id'],
      vault_ids: [own['vault_id'], other['vault_id']],
    },
    {
      agent: own['agent_id'],
      environment_id: own['environment_id'],
      resources: [{ type: 'memory_store', memory_store_id: other['memory_store_id'] }],
    },
    {
      agent: own['agent_id'],
      environment_id: own['environment_id'],
      resources: [{ type: 'file', file_id: other['file_id'] }],
    },
    {
      agent: own['agent_id'],
      environment_id: own['environment_id'],
      initial_events: [document(other)],
    },
  ],
  'beta.sessions update': (_, other) => [{ vault_ids: [other['vault_id']] }],
  'beta.sessions.events send': (_, other) => [
    { events: [{ type: 'user.tool_confirmation', tool_use_id: other['event_id'], result: 'allow' }] },
    { events: [{ type: 'user.custom_tool_result', custom_tool_use_id: other['event_id'] }] },
    { events: [document(other)] },
    { events: [{ type: 'user.interrupt', session_thread_id: other['thread_id'] }] },
  ],
};

function deploymentsOf(own: Things, other: Things): readonly object[] {
  const params = {
    name: 'Round',
    agent: own['agent_id'],
    environment_id: own['environment_id'],
    initial_events: [hello],
  };
  return [
    { ...params, agent: other['agent_id'] },
    { ...params, agent: { type: 'agent', id: other['agent_id'], version: 1 } },
    { ...params, environment_id: other['environment_id'] },
    { ...params, vault_ids: [other['vault_id']] },
    { ...params, resources: [{ type: 'file', file_id: other['file_id'] }] },
    { ...params, resources: [{ type: 'memory_store', memory_store_id: other['memory_store_id'] }] },
    { ...params, initial_events: [document(other)] },
  ];
}

function document(other: Things) {
  const source = { type: 'file', file_id: other['file_id'] };
  return { type: 'user.message', content: [{ type: 'document', source }] };
}

function membersOfAgents(other: Things): readonly object[] {
  const skill = { type: 'custom', skill_id: other['skill_id'] };
  const versions = [undefined, 'latest', other['version']];
  return [
    ...rosters(other).map((multiagent) => ({ multiagent })),
    ...versions.map((version) => ({ skills: [{ ...skill, ...(version ? { version } : {}) }] })),
  ];
}

function rosters(other: Things): readonly unknown[] {
  const agent = { type: 'agent', id: other['agent_id'] };
  return [
    { type: 'coordinator', agents: [agent] },
    { type: 'multiagent_20261001', subagents: { type: 'enabled', predefined_agents: [agent] } },
    { type: 'multiagent_20261001', workflows: { type: 'enabled', predefined_agents: [agent] } },
  ];
}

const table = (Object.entries(routes) as [RouteKey, Route][]).filter(
  // One endpoint under two names is asked once; what is for workers only is refused to all of these keys.
  ([, route], index, all) =>
    !isForWorkersOnly(route) &&
    all.findIndex(([, other]) => other.method === route.method && other.path === route.path) === index,
);
const parametersOf = ({ path }: Route) => [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
const isNamed = (name: string) =>
  (/_ids?$/.test(name) ||
    ['after', 'ids', 'agent', 'agents', 'multiagent', 'resources', 'skills', 'initial_events'].includes(
      name,
    )) &&
  !nobodys.has(name);

describeServer('another workspace', ({ server }) => {
  /** The tenant whose things are asked for, the one who asks, and what the two have. */
  let a: Tenant;
  let b: Tenant;
  let theirs: Things;
  let own: Things;
  let untouched: unknown;

  before(async () => {
    a = await newTenant(server, 'a');
    b = await newTenant(server, 'b');
    theirs = await thingsOf(a);
    own = await thingsOf(b);
    untouched = await everythingOf(a);
  });

  async function everythingOf(tenant: Tenant): Promise<unknown> {
    const id = theirs['session_id'] ?? '';
    const session = await tenant.client.beta.sessions.retrieve(id);
    const endpoints = await tenant.admin.beta.organization.webhooks.list();
    const keys = await tenant.admin.get(
      `/v1/organizations/environments/${theirs['environment_id']}/keys?include_revoked=true`,
    );
    const { beta } = tenant.client;
    const credentials = await beta.vaults.credentials.list(theirs['vault_id'] ?? '');
    const memories = await beta.memoryStores.memories.list(theirs['memory_store_id'] ?? '');
    const versions = await beta.memoryStores.memoryVersions.list(theirs['memory_store_id'] ?? '');
    return [
      await contents(tenant.server, [id]),
      session.status,
      endpoints.data,
      keys,
      credentials.data,
      memories.data,
      versions.data,
    ];
  }

  /** As B: with its key, or with a key of the organization that acts there. */
  function ask(route: Route, sent: Sent): Promise<Reply> {
    const headers = { ...requestHeaders(route), ...sent.headers };
    if (!isAdminRoute(route)) return call(b.server, { ...sent, headers });
    return call(server, { ...sent, headers: { ...headers, 'anthropic-workspace-id': b.workspaceId } });
  }

  async function sentTo(key: RouteKey, route: Route, ids: Things): Promise<Sent> {
    const path = route.path.replace(/:(\w+)(\{\.\+\})?/g, (_, name: string) => {
      if (nobodys.has(name)) return 'scripted/demo';
      return (
        ids[name] ?? assert.fail(`${key}: add something with ${name} to thingsOf, or the name to nobodys`)
      );
    });
    if (route.form) return await formOf(path, forms[key] ?? []);
    const body = bodies[key] ?? {};
    const given = typeof body === 'function' ? body(own) : body;
    return { method: route.method, path, ...(route.body ? { body: given } : {}) };
  }

  /** What an answer says, whichever id it says it of. */
  function said(reply: Reply, ids: Things): unknown {
    const body = structuredClone(reply.json) as { request_id?: unknown };
    if (body && typeof body === 'object') delete body.request_id;
    let text = JSON.stringify(body);
    for (const [name, id] of Object.entries(ids)) text = text.replaceAll(id, `<${name}>`);
    // Its own things look different after every look.
    return [reply.status, text.replace(/"(active|duration)_seconds":[\d.e-]+/g, '')];
  }

  for (const [key, route] of table) {
    const names = parametersOf(route).filter((name) => !nobodys.has(name));
    for (const [depth, name] of names.entries()) {
      test(`is told that there is no such ${name}: ${key}`, async () => {
        const nobody = madeUp(theirs);
        const mixed = (others: Things) =>
          Object.fromEntries(names.map((each, index) => [each, (index < depth ? own : others)[each] ?? '']));
        const asked = await ask(route, await sentTo(key, route, mixed(theirs)));
        assert.equal(asked.status, 404, `${asked.text}; does it need a line in bodies?`);
        const unknown = await ask(route, await sentTo(key, route, mixed(nobody)));
        assert.deepEqual(said(asked, theirs), said(unknown, nobody));
      });
    }

    // Workspaces themselves are the organization's.
    const isOwn = (name: string) => isNamed(name) && !route.resource.includes('workspaces');
    const parameters = Object.keys(route.query?.shape ?? {}).filter(isOwn);
    for (const name of parameters) {
      test(`finds nothing by ${name}: ${key}`, async () => {
        const nobody = madeUp(theirs);
        const query = (others: Things) => {
          const id = others[thingBehind(name, route)] ?? assert.fail(`${key}: nothing is called ${name}`);
          return new URLSearchParams({ ...required(route), [name]: id });
        };
        const { path, ...sent } = await sentTo(key, route, own);
        const asked = await ask(route, { ...sent, path: `${path}?${query(theirs)}` });
        const unknown = await ask(route, { ...sent, path: `${path}?${query(nobody)}` });
        assert.deepEqual(said(asked, theirs), said(unknown, nobody));
        if (asked.status === 200) assert.deepEqual((asked.json as { data: unknown }).data, []);
        else assert.equal(asked.status, 400, asked.text);
      });
    }

    const fields = route.body
      ? fieldsOf(route.body)
          .map((field) => field.name)
          .filter(isNamed)
      : [];
    if (fields.length > 0 || key in naming) {
      test(`can name nothing in a body: ${key}`, async () => {
        const make = naming[key] ?? assert.fail(`add bodies with ${fields} to naming`);
        const nobody = madeUp(theirs);
        const { path, method } = await sentTo(key, route, own);
        const others = make(own, nobody);
        for (const [index, body] of make(own, theirs).entries()) {
          const asked = await ask(route, { path, method: method ?? '', body });
          const unknown = await ask(route, { path, method: method ?? '', body: others[index] });
          assert.deepEqual(said(asked, theirs), said(unknown, nobody));
          assert.ok(asked.status === 404 || asked.status === 400, asked.text);
          // A body that fails for another reason would prove nothing.
          const isNamed = Object.values(theirs).some((id) => asked.text.includes(id));
          assert.ok(isNamed || key === 'beta.sessions update', `${key}: ${asked.text}`);
        }
      });
    }

    if (route.paging === null) continue;
    test(`sees nothing in a list: ${key}`, async () => {
      const { path, ...sent } = await sentTo(key, route, own);
      const query = new URLSearchParams(required(route));
      for (const flag of ['include_archived', 'include_revoked'])
        if (flag in (route.query?.shape ?? {})) query.set(flag, 'true');
      const reply = await ask(route, { ...sent, path: `${path}?${query}` });
      assert.equal(reply.status, 200, reply.text);
      for (const [name, id] of Object.entries(theirs))
        assert.ok(!reply.text.includes(id), `${name} is in ${reply.text}`);
    });
  }

  test('sees nothing behind the cursor of a list that was another’s', async () => {
    for (let count = 0; count < 2; count++)
      await a.client.beta.agents.create({ name: 'x', model: 'scripted/demo' });
    const page = await a.client.beta.agents.list({ limit: 1 });
    const cursor = page.next_page ?? assert.fail('there is a second page');
    const reply = await call(b.server, { path: `/v1/agents?limit=100&page=${cursor}` });
    assert.ok(reply.status === 200 || reply.status === 400, reply.text);
    assert.ok(!reply.text.includes(theirs['agent_id'] ?? ''));
    const mine = await a.client.beta.agents.list({ limit: 100, page: cursor });
    assert.ok(
      mine.data.some(({ id }) => id === theirs['agent_id']),
      'the cursor leads its owner there',
    );
    untouched = await everythingOf(a);
  });

  test('has changed nothing by all its asking', async () => {
    assert.deepEqual(await everythingOf(a), untouched);
  });
});

/** The thing that a parameter names the id of. */
function thingBehind(name: string, { resource }: Route): string {
  if (name === 'after') return 'event_id';
  if (name === 'scope_id') return 'session_id';
  if (name === 'ids') return 'file_id';
  if (name !== 'after_id' && name !== 'before_id') return name;
  return resource.includes('environmentKeys') ? 'environment_key_id' : 'webhook_endpoint_id';
}

/** Query parameters that a route cannot do without. */
function required({ query }: Route): Record<string, string> {
  return query && 'starting_at' in query.shape ? { starting_at: new Date().toISOString() } : {};
}

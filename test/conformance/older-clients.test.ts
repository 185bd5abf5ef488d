import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { before, test } from 'node:test';
import type Anthropic from '@anthropic-ai/sdk';
import Sdk from '@anthropic-ai/sdk';
import { startMcpServer } from '../support/mcp-server.ts';
import type { SdkVersion, WatchedClient } from '../support/older-clients.ts';
import { droppedByStreams, notDriven, sdkVersions, watchedClient } from '../support/older-clients.ts';
import { all } from '../support/sdk-calls.ts';
import { everyMorning } from '../support/server-deployments.ts';
import { call } from '../support/server-http.ts';
import type { Session } from '../support/server-sessions.ts';
import {
  askFirst,
  collect,
  interrupt,
  isIdle,
  listAll,
  message,
  openSession,
  say,
  send,
  spoken,
  toolset,
  uniqueName,
  weather,
} from '../support/server-sessions.ts';
import { describeServer } from '../support/server-suite.ts';
import { bearer, oauth, variable } from '../support/server-vaults.ts';

/** What one scenario calls, in a version that has the method it needs. */
type Scenario = (client: Anthropic, version: SdkVersion) => Promise<void>;

const scenarios: readonly (readonly [name: string, needs: string, run: Scenario])[] = [
  ['an agent is made, changed, listed with its versions, and archived', 'beta.agents.create', agents],
  ['an environment is made, changed, listed, archived, deleted', 'beta.environments.create', environments],
  ['a vault is made, changed, listed, archived, deleted', 'beta.vaults.create', vaults],
  ['a credential is made, changed, listed, archived, deleted', 'beta.vaults.credentials.create', credentials],
  ['a credential is tried', 'beta.vaults.credentials.mcpOAuthValidate', trial],
  ['a memory store is made, changed, listed, archived, deleted', 'beta.memoryStores.create', memoryStores],
  ['a memory is made, changed, listed, deleted', 'beta.memoryStores.memories.create', memories],
  ['a memory version is shown, listed, redacted', 'beta.memoryStores.memoryVersions.list', memoryVersions],
  ['a session is made, changed, listed, archived, deleted', 'beta.sessions.create', sessions],
  [
    'resources of a session are shown, listed, changed, added, deleted',
    'beta.sessions.resources.add',
    resources,
  ],
  ['a turn is streamed until it is idle, and listed page by page', 'beta.sessions.events.stream', turn],
  ['a tool call is confirmed', 'beta.sessions.events.send', confirmation],
  ['a custom tool is answered', 'beta.sessions.events.send', customTool],
  ['a turn is interrupted', 'beta.sessions.events.send', interruption],
  ['a thread is shown, listed and streamed', 'beta.sessions.threads.list', threads],
  ['a file is uploaded, shown, listed, deleted', 'beta.files.upload', betaFiles],
  ['the same without a beta', 'files.upload', generalFiles],
  ['a deployment is made, changed, paused, run, listed, archived', 'beta.deployments.create', deployments],
  ['models are shown and listed', 'beta.models.list', models],
];

for (const version of sdkVersions) {
  describeServer(`the SDK ${version}, unmodified`, ({ server }) => {
    let watched: WatchedClient;
    before(() => {
      watched = watchedClient(version, server);
    });

    for (const [name, needs, run] of scenarios) {
      if (!methodsOf(version).has(needs)) continue;
      // A stream that hands nothing on would be waited for in vain.
      test(name, { timeout: 30_000 }, () => run(watched.client, version));
    }

    test('every method of it is driven, or named with the reason why not', () => {
      const { methods, called } = watched;
      assert.ok(methods.size > 60 && called.size > 30, `${called.size} of ${methods.size} methods`);
      const left = [...methods].filter((method) => !called.has(method) && reasonOf(method) === undefined);
      assert.deepEqual(left, []);
      assert.deepEqual([...called].filter(reasonOf), []);
    });

    test('every beta value it can send is accepted', async () => {
      const values = betaValuesOf(version);
      assert.ok(values.length > 15);
      const reply = await call(server, {
        path: '/v1/models',
        headers: { 'anthropic-beta': [...values, ...values].join(', ') },
      });
      assert.equal(reply.status, 200, reply.text);
    });
  });
}

test('every scenario, and every reason for none, is about a method that there is', () => {
  const methods = sdkVersions.flatMap((version) => [...methodsOf(version)]);
  const idle = Object.keys(notDriven).filter((line) => !methods.some((method) => isPartOf(method, line)));
  assert.deepEqual(idle, []);
  const needed = scenarios.map(([, needs]) => needs);
  assert.deepEqual(
    needed.filter((method) => !methodsOf('1.12').has(method)),
    [],
  );
});

function methodsOf(version: SdkVersion): ReadonlySet<string> {
  return watchedClient(version, { baseUrl: 'http://localhost', apiKey: 'none' }).methods;
}

function reasonOf(method: string): string | undefined {
  return Object.entries(notDriven).find(([line]) => isPartOf(method, line))?.[1];
}

function isPartOf(method: string, line: string): boolean {
  return method === line || method.startsWith(`${line}.`);
}

/** All that its types name and its code sends. */
function betaValuesOf(version: SdkVersion): string[] {
  const name = version === sdkVersions.at(-1) ? '@anthropic-ai/sdk' : `anthropic-sdk-${version}`;
  const cwd = dirname(createRequire(import.meta.url).resolve(name));
  const files = globSync(['resources/beta/beta.d.ts', '{resources,lib,tools}/**/*.js'], { cwd });
  const values = files.flatMap((file) => {
    const text = readFileSync(join(cwd, file), 'utf8');
    return [...text.matchAll(/'([a-z][a-z0-9-]+-20\d\d-\d\d-\d\d)'/g)].map(([, value = '']) => value);
  });
  return [...new Set(values)];
}

/** Several pages of one list: the SDK follows the cursors by itself. */
async function assertPaged<T extends { readonly id: string }>(
  list: (limit: number) => AsyncIterable<T>,
  ids: readonly string[],
): Promise<void> {
  assert.ok(ids.length > 2);
  for (const limit of [1, 2, 100]) {
    const seen = (await all(list(limit))).map(({ id }) => id).filter((id) => ids.includes(id));
    assert.deepEqual(seen, ids, `${limit} a page`);
  }
}

async function betaFiles({ beta }: Anthropic, version: SdkVersion): Promise<void> {
  await files(beta.files, version === '1.12' ? ['managed-agents-2026-04-01'] : []);
}

async function generalFiles(client: Anthropic): Promise<void> {
  await files(client.files, []);
}

/** Older SDKs page by ids, and delete what they have listed while they go on. */
async function files(resource: Anthropic['beta']['files'] | Anthropic['files'], betas: string[]) {
  const upload = (name: string) => resource.upload({ file: new File(['a,b'], name, { type: 'text/csv' }) });
  const made = await upload('dir/a.csv');
  assert.deepEqual([made.filename, made.mime_type, made.size_bytes], ['a.csv', 'text/csv', 3]);
  assert.deepEqual(await resource.retrieveMetadata(made.id), made);
  const more = [await upload('b.csv'), await upload('c.csv')];
  const ids = [...more.map(({ id }) => id).reverse(), made.id];
  await assertPaged((limit) => resource.list({ limit }), ids);
  const scoped = { scope_id: 'sesn_0', betas };
  if (betas.length > 0) assert.deepEqual(await all(resource.list(scoped)), []);
  await assert.rejects(resource.download(made.id).then(), /not downloadable/);
  const deleted = [];
  for await (const { id } of resource.list({ limit: 1 }))
    if (ids.includes(id)) deleted.push((await resource.delete(id)).id);
  assert.deepEqual(deleted, ids);
}

async function agents({ beta }: Anthropic): Promise<void> {
  // Before 0.106 the SDK's types let `type` be left out.
  const properties = { city: { type: 'string' } };
  const input_schema = { properties } as unknown as { type: 'object' };
  const tool = { type: 'custom', name: 'weather', description: 'd', input_schema } as const;
  const made = await beta.agents.create({
    name: 'Ant',
    model: { id: 'scripted/demo', speed: 'standard' },
    tools: [{ ...toolset, configs: [{ name: 'bash', enabled: false }] }, tool],
    metadata: { team: 'red' },
  });
  const custom = made.tools.find((each) => each.type === 'custom');
  assert.deepEqual(custom?.input_schema, { type: 'object', properties });
  assert.deepEqual(await beta.agents.retrieve(made.id), made);
  const second = await beta.agents.update(made.id, { version: 1, system: 'Be brief.' });
  const third = await beta.agents.update(made.id, { version: 2, system: null, tools: made.tools });
  assert.deepEqual(
    [second.version, second.system, third.version, third.tools],
    [2, 'Be brief.', 3, made.tools],
  );
  assert.deepEqual((await beta.agents.retrieve(made.id, { version: 2 })).system, 'Be brief.');
  const versions = await all(beta.agents.versions.list(made.id, { limit: 2 }));
  assert.deepEqual(
    versions.map((agent) => agent.version),
    [3, 2, 1],
  );
  const more = [];
  for (const name of ['Bee', 'Wasp']) more.push(await beta.agents.create({ name, model: 'scripted/demo' }));
  await assertPaged((limit) => beta.agents.list({ limit }), [...more.map(({ id }) => id).reverse(), made.id]);
  assert.notEqual((await beta.agents.archive(made.id)).archived_at, null);
  const shown = await all(beta.agents.list({ 'created_at[gte]': made.created_at, include_archived: true }));
  assert.ok(shown.some(({ id }) => id === made.id));
}

async function environments({ beta }: Anthropic): Promise<void> {
  const made = await beta.environments.create({
    name: `room ${uniqueName()}`,
    config: { type: 'cloud', networking: { type: 'limited', allowed_hosts: ['example.com'] } },
  });
  assert.deepEqual(await beta.environments.retrieve(made.id), made);
  const changed = await beta.environments.update(made.id, { description: 'Quiet', metadata: { a: 'b' } });
  assert.deepEqual([changed.description, changed.metadata], ['Quiet', { a: 'b' }]);
  const more = [];
  for (let index = 0; index < 2; index++)
    more.push(await beta.environments.create({ name: `room ${uniqueName()}` }));
  const ids = [...more.map(({ id }) => id).reverse(), made.id];
  await assertPaged((limit) => beta.environments.list({ limit }), ids);
  assert.notEqual((await beta.environments.archive(made.id)).archived_at, null);
  assert.deepEqual(await beta.environments.delete(made.id), { id: made.id, type: 'environment_deleted' });
}

async function vaults({ beta }: Anthropic): Promise<void> {
  const made = await beta.vaults.create({ display_name: 'Keys', metadata: { team: 'red' } });
  assert.deepEqual(await beta.vaults.retrieve(made.id), made);
  assert.equal((await beta.vaults.update(made.id, { display_name: 'More' })).display_name, 'More');
  const more = [];
  for (const display_name of ['B', 'C']) more.push(await beta.vaults.create({ display_name }));
  await assertPaged((limit) => beta.vaults.list({ limit }), [...more.map(({ id }) => id).reverse(), made.id]);
  assert.notEqual((await beta.vaults.archive(made.id)).archived_at, null);
  assert.deepEqual(await beta.vaults.delete(made.id), { id: made.id, type: 'vault_deleted' });
}

async function credentials({ beta }: Anthropic): Promise<void> {
  const { id: vault_id } = await beta.vaults.create({ display_name: 'Keys' });
  const made = await beta.vaults.credentials.create(vault_id, { auth: bearer('https://a.example.com') });
  assert.deepEqual(await beta.vaults.credentials.retrieve(made.id, { vault_id }), made);
  const changes = { vault_id, auth: { type: 'static_bearer', token: 'new' }, display_name: 'A' } as const;
  assert.equal((await beta.vaults.credentials.update(made.id, changes)).display_name, 'A');
  const more = [];
  for (const auth of [bearer('https://b.example.com'), variable('KEY')])
    more.push(await beta.vaults.credentials.create(vault_id, { auth }));
  await assertPaged(
    (limit) => beta.vaults.credentials.list(vault_id, { limit }),
    [...more.map(({ id }) => id).reverse(), made.id],
  );
  assert.notEqual((await beta.vaults.credentials.archive(made.id, { vault_id })).archived_at, null);
  const deleted = await beta.vaults.credentials.delete(made.id, { vault_id });
  assert.deepEqual(deleted, { id: made.id, type: 'vault_credential_deleted' });
}

async function trial({ beta }: Anthropic): Promise<void> {
  const mcp = await startMcpServer();
  const { id: vault_id } = await beta.vaults.create({ display_name: 'Keys' });
  const made = await beta.vaults.credentials.create(vault_id, { auth: oauth(`${mcp.url}/mcp`) });
  const tried = await beta.vaults.credentials.mcpOAuthValidate(made.id, { vault_id });
  assert.deepEqual([tried.credential_id, tried.status, tried.has_refresh_token], [made.id, 'valid', true]);
  await mcp.close();
}

async function memoryStores({ beta }: Anthropic): Promise<void> {
  const made = await beta.memoryStores.create({ name: 'Notes', metadata: { team: 'red' } });
  assert.deepEqual(await beta.memoryStores.retrieve(made.id), made);
  assert.equal((await beta.memoryStores.update(made.id, { description: 'd' })).description, 'd');
  const more = [];
  for (const name of ['B', 'C']) more.push(await beta.memoryStores.create({ name }));
  const ids = [...more.map(({ id }) => id).reverse(), made.id];
  await assertPaged((limit) => beta.memoryStores.list({ limit }), ids);
  assert.ok((await beta.memoryStores.archive(made.id)).archived_at);
  assert.deepEqual(await beta.memoryStores.delete(made.id), { id: made.id, type: 'memory_store_deleted' });
}

async function memories({ beta }: Anthropic, version: SdkVersion): Promise<void> {
  const { id: memory_store_id } = await beta.memoryStores.create({ name: 'Notes' });
  const inStore = { memory_store_id };
  const paths = ['/a.md', '/b/c.md', '/b/d/e.md'];
  const made = [];
  for (const path of paths)
    made.push(await beta.memoryStores.memories.create(memory_store_id, { path, content: path }));
  const [first] = made;
  assert.ok(first);
  assert.equal((await beta.memoryStores.memories.retrieve(first.id, inStore)).content, '/a.md');
  const { content_sha256 } = first;
  const precondition = { type: 'content_sha256', content_sha256 } as const;
  const changes = { ...inStore, content: 'new', precondition, view: 'full' } as const;
  assert.equal((await beta.memoryStores.memories.update(first.id, changes)).content, 'new');
  const list = (query: object) => beta.memoryStores.memories.list(memory_store_id, query);
  for (const limit of [1, 2, 100]) {
    const seen = await all(list({ limit }));
    assert.deepEqual(
      seen.map(({ path }) => path),
      paths,
    );
  }
  const children = await all(list({ path_prefix: '/b/', depth: 1, limit: 1 }));
  assert.deepEqual(
    children.map(({ type, path }) => `${type} ${path}`),
    ['memory /b/c.md', 'memory_prefix /b/d/'],
  );
  // What the SDK could ask for before memory had a beta value of its own.
  if (version === '0.95' || version === '0.106') {
    const ordered = await all(list({ order_by: 'path', order: 'asc', depth: 2, limit: 1 }));
    assert.deepEqual(
      ordered.map(({ path }) => path),
      ['/a.md', '/b/c.md', '/b/d/'],
    );
    await assert.rejects(all(list({ order: 'desc' })), { status: 400 });
    await assert.rejects(all(list({ depth: 21 })), { status: 400 });
  } else {
    await assert.rejects(all(list({ order_by: 'path' })), { status: 400 });
    await assert.rejects(all(list({ depth: 2 })), { status: 400 });
  }
  const deleted = await beta.memoryStores.memories.delete(first.id, inStore);
  assert.deepEqual(deleted, { id: first.id, type: 'memory_deleted' });
}

async function memoryVersions({ beta }: Anthropic): Promise<void> {
  const { id: memory_store_id } = await beta.memoryStores.create({ name: 'Notes' });
  const inStore = { memory_store_id };
  const made = await beta.memoryStores.memories.create(memory_store_id, { path: '/a.md', content: 'a' });
  for (const content of ['b', 'c']) await beta.memoryStores.memories.update(made.id, { ...inStore, content });
  const versions = beta.memoryStores.memoryVersions;
  const listed = await all(versions.list(memory_store_id, { memory_id: made.id, limit: 1 }));
  assert.deepEqual(
    listed.map(({ operation }) => operation),
    ['modified', 'modified', 'created'],
  );
  assert.equal((await versions.retrieve(made.memory_version_id, inStore)).content, 'a');
  const redacted = await versions.redact(made.memory_version_id, inStore);
  assert.deepEqual([redacted.content, typeof redacted.redacted_at], [null, 'string']);
}

async function sessions(client: Anthropic): Promise<void> {
  const { beta } = client;
  const made = await openSession(client, {}, { title: 'First', metadata: { a: 'b' } });
  assert.deepEqual(stable(await beta.sessions.retrieve(made.id)), stable(made));
  const renamed = await beta.sessions.update(made.id, { title: 'Renamed', metadata: { a: null } });
  assert.deepEqual([renamed.title, renamed.metadata], ['Renamed', {}]);
  const more = [];
  const { environment_id } = made;
  for (const version of [1, 1]) {
    const agent = { type: 'agent', id: made.agent.id, version } as const;
    more.push(await beta.sessions.create({ agent, environment_id }));
  }
  const ids = [...more.map(({ id }) => id).reverse(), made.id];
  await assertPaged((limit) => beta.sessions.list({ limit, agent_id: made.agent.id }), ids);
  await assertPaged((limit) => beta.sessions.list({ limit, order: 'asc' }), ids.toReversed());
  assert.notEqual((await beta.sessions.archive(made.id)).archived_at, null);
  assert.deepEqual(await beta.sessions.delete(made.id), { id: made.id, type: 'session_deleted' });
}

async function resources(client: Anthropic): Promise<void> {
  const { beta, baseURL, apiKey } = client;
  // Not every version knows memory stores and files, but they can name them.
  const newest = new Sdk({ baseURL, apiKey });
  const store = await newest.beta.memoryStores.create({ name: 'Notes' });
  const { id: file_id } = await newest.files.upload({ file: new File(['a'], 'a.txt') });
  const repository = { type: 'github_repository' as const, authorization_token: 'a' };
  const urls = ['https://github.com/ants/hill', 'https://github.com/ants/nest'];
  const session = await openSession(
    client,
    {},
    {
      resources: [
        ...urls.map((url) => ({ ...repository, url })),
        { type: 'memory_store', memory_store_id: store.id, access: 'read_only' },
      ],
    },
  );
  const { id: session_id, resources: made } = session;
  for (const limit of [1, 2, 100]) {
    assert.deepEqual(await all(beta.sessions.resources.list(session_id, { limit })), made);
  }
  const id = made[0] && 'id' in made[0] ? made[0].id : '';
  assert.deepEqual(await beta.sessions.resources.retrieve(id, { session_id }), made[0]);
  const renewed = await beta.sessions.resources.update(id, { session_id, authorization_token: 'b' });
  assert.equal('id' in renewed && renewed.id, id);
  const added = await beta.sessions.resources.add(session_id, { type: 'file', file_id });
  assert.equal(added.mount_path, `/mnt/session/uploads/${file_id}`);
  assert.deepEqual(await beta.sessions.resources.delete(added.id, { session_id }), {
    id: added.id,
    type: 'session_resource_deleted',
  });
  const [found] = (await beta.sessions.list({ memory_store_id: store.id })).data;
  assert.equal(found?.id, session_id);
}

/** How long it has existed goes on by itself. */
function stable({ stats, ...session }: Session): unknown {
  return session;
}

async function turn(client: Anthropic, version: SdkVersion): Promise<void> {
  const session = await openSession(client);
  const streamed = await collect(client, session.id, async () => {
    await client.beta.sessions.update(session.id, { title: 'Renamed' });
    await send(client, session.id, message('run `echo hello`'));
  });
  assert.match(spoken(streamed), /printed:\s+hello/);
  const listed = await listAll(client, session.id);
  const dropped = droppedByStreams[version];
  assert.ok(dropped.every((name) => listed.some(({ type }) => type === name)));
  assert.deepEqual(
    streamed,
    listed.filter(({ type }) => !dropped.includes(type)),
  );
  for (const limit of [1, 5]) {
    const order = 'desc';
    const back = await all(client.beta.sessions.events.list(session.id, { limit, order }));
    assert.deepEqual(back.toReversed(), listed, `${limit} a page`);
  }
}

async function confirmation(client: Anthropic): Promise<void> {
  const session = await openSession(client, { tools: [askFirst] });
  const asked = await say(client, session.id, 'run `echo hello`');
  const use = asked.find((event) => event.type === 'agent.tool_use');
  const idle = asked.at(-1);
  assert.ok(use && idle?.type === 'session.status_idle');
  assert.deepEqual(idle.stop_reason, { type: 'requires_action', event_ids: [use.id] });
  const allow = { type: 'user.tool_confirmation', tool_use_id: use.id, result: 'allow' } as const;
  const answered = await collect(client, session.id, () => send(client, session.id, allow));
  assert.match(spoken(answered), /printed:\s+hello/);
  await say(client, session.id, 'run `echo hello`');
  const again = (await listAll(client, session.id)).findLast((event) => event.type === 'agent.tool_use');
  assert.ok(again);
  const deny = { ...allow, tool_use_id: again.id, result: 'deny', deny_message: 'Not now' } as const;
  const denied = await collect(client, session.id, () => send(client, session.id, deny));
  assert.match(JSON.stringify(denied), /Not now/);
}

async function customTool(client: Anthropic): Promise<void> {
  const session = await openSession(client, { tools: [weather] });
  const asked = await say(client, session.id, 'use the weather tool with {"city": "Paris"}');
  const use = asked.find((event) => event.type === 'agent.custom_tool_use');
  assert.deepEqual(use?.input, { city: 'Paris' });
  const answered = await collect(client, session.id, () =>
    send(client, session.id, {
      type: 'user.custom_tool_result',
      custom_tool_use_id: use.id,
      content: [{ type: 'text', text: 'Sunny' }],
    }),
  );
  assert.match(spoken(answered), /Sunny/);
}

async function interruption(client: Anthropic): Promise<void> {
  const session = await openSession(client);
  let interrupted: Promise<unknown> | null = null;
  const events = await collect(
    client,
    session.id,
    () => send(client, session.id, message('run `sleep 86400`')),
    (event) => {
      if (event.type === 'agent.tool_use') interrupted ??= send(client, session.id, interrupt);
      return isIdle(event);
    },
  );
  await interrupted;
  assert.ok(events.some(({ type }) => type === 'user.interrupt'));
  const last = events.at(-1);
  assert.deepEqual(last?.type === 'session.status_idle' && last.stop_reason, { type: 'end_turn' });
  assert.match(spoken(await say(client, session.id, 'hello')), /Hello!/);
}

async function threads(client: Anthropic, version: SdkVersion): Promise<void> {
  const session = await openSession(client);
  await say(client, session.id, 'hello');
  const session_id = session.id;
  const [thread] = await all(client.beta.sessions.threads.list(session_id));
  assert.ok(thread);
  assert.deepEqual((await client.beta.sessions.threads.retrieve(thread.id, { session_id })).id, thread.id);
  const { events } = client.beta.sessions.threads;
  const listed = await all(events.list(thread.id, { session_id, limit: 2 }));
  assert.match(spoken(listed), /Hello!/);
  const streamed: string[] = [];
  const stream = await events.stream(thread.id, { session_id });
  await send(client, session_id, message('hello again'));
  for await (const event of stream) {
    streamed.push(event.type);
    if (isIdle(event)) break;
  }
  const again = (await all(events.list(thread.id, { session_id }))).map(({ type }) => type);
  assert.deepEqual(
    streamed,
    again.slice(listed.length).filter((type) => !droppedByStreams[version].includes(type)),
  );
  // A session's primary thread cannot be archived: this is the answer there is.
  await assert.rejects(client.beta.sessions.threads.archive(thread.id, { session_id }), { status: 400 });
}

async function deployments(client: Anthropic): Promise<void> {
  const { deployments: nouns, deploymentRuns } = client.beta;
  const session = await openSession(client);
  const params = everyMorning(session);
  const made = await nouns.create(params);
  assert.equal(made.schedule?.upcoming_runs_at?.length, 5);
  assert.deepEqual({ ...(await nouns.retrieve(made.id)) }, { ...made });
  assert.equal((await nouns.update(made.id, { name: 'New' })).name, 'New');
  assert.deepEqual((await nouns.pause(made.id)).paused_reason, { type: 'manual' });
  const run = await nouns.run(made.id);
  assert.equal(run.error, null);
  assert.equal((await nouns.unpause(made.id)).status, 'active');
  const more = [await nouns.create(params), await nouns.create(params)];
  const { id: agent_id } = session.agent;
  const ids = [...more.map(({ id }) => id).reverse(), made.id];
  const since = { 'created_at[gte]': made.created_at, agent_id, status: 'active' } as const;
  await assertPaged((limit) => nouns.list({ ...since, limit }), ids);
  assert.deepEqual(await deploymentRuns.retrieve(run.id), run);
  const ofOne = { deployment_id: made.id, has_error: false, trigger_type: 'manual' } as const;
  const runs = [await nouns.run(made.id), await nouns.run(made.id)];
  const runIds = [...runs.map(({ id }) => id).reverse(), run.id];
  await assertPaged((limit) => deploymentRuns.list({ ...ofOne, limit }), runIds);
  assert.notEqual((await nouns.archive(made.id)).archived_at, null);
}

async function models({ beta, models: general }: Anthropic): Promise<void> {
  for (const resource of [beta.models, general]) {
    const one = await resource.retrieve('scripted/demo');
    assert.deepEqual([one.id, one.type], ['scripted/demo', 'model']);
    const everything = (await all(resource.list({ limit: 1000 }))).map(({ id }) => id);
    assert.ok(everything.includes('scripted/demo') && everything.length > 3);
    const paged = (await all(resource.list({ limit: 2 }))).map(({ id }) => id);
    assert.deepEqual(paged, everything);
  }
}

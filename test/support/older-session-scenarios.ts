import assert from 'node:assert/strict';
import type Anthropic from '@anthropic-ai/sdk';
import Sdk from '@anthropic-ai/sdk';
import type { SdkVersion } from './older-clients.ts';
import { droppedByStreams } from './older-clients.ts';
import type { Scenario } from './older-scenario.ts';
import { assertPaged } from './older-scenario.ts';
import { all } from './sdk-calls.ts';
import { everyMorning } from './server-deployments.ts';
import type { Session } from './server-sessions.ts';
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
  weather,
} from './server-sessions.ts';

/** What clients do with sessions: their life, resources, turns and threads. */
export const sessionScenarios: readonly Scenario[] = [
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
  ['a deployment is made, changed, paused, run, listed, archived', 'beta.deployments.create', deployments],
];

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

/** How long it has existed goes on by itself. */
function stable({ stats, ...session }: Session): unknown {
  return session;
}

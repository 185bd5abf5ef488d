import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type Anthropic from '@anthropic-ai/sdk';
import type { AgentParams, Session } from '../support/server-sessions.ts';
import {
  atRest,
  listAll,
  message,
  openSession,
  say,
  send,
  spoken,
  toolset,
} from '../support/server-sessions.ts';
import { describeServer } from '../support/server-suite.ts';

/** Every kind of tool, with the settings that are resolved on echo. */
const richTools: AgentParams['tools'] = [
  {
    type: 'agent_toolset_20260401',
    default_config: { permission_policy: { type: 'always_ask' } },
    configs: [
      { name: 'bash', enabled: false },
      { name: 'web_search', type: 'web_search', allowed_domains: ['example.com'] },
      { name: 'web_fetch', type: 'web_fetch', max_content_tokens: 1000 },
    ],
  },
  { type: 'mcp_toolset', mcp_server_name: 'docs', configs: [{ name: 'search', enabled: true }] },
  {
    type: 'custom',
    name: 'weather',
    description: 'Tells the weather',
    input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
];
const docsServer = { type: 'url', name: 'docs', url: 'https://docs.example.com/mcp' } as const;

describeServer('the life of a session over HTTP', ({ client }) => {
  describe('create', () => {
    test('an agent named by id is taken at its latest version', async () => {
      const { agent, environment_id } = await openSession(client);
      await client.beta.agents.update(agent.id, { version: 1, name: 'Second' });
      const session = await client.beta.sessions.create({ agent: agent.id, environment_id });
      assert.deepEqual([session.agent.version, session.agent.name], [2, 'Second']);
      assert.deepEqual([session.status, session.title, session.metadata], ['idle', null, {}]);
    });

    test('an agent pinned to a version stays at it', async () => {
      const { agent, environment_id } = await openSession(client);
      await client.beta.agents.update(agent.id, { version: 1, name: 'Second' });
      const pinned = { type: 'agent', id: agent.id, version: 1 } as const;
      const session = await client.beta.sessions.create({ agent: pinned, environment_id });
      assert.deepEqual([session.agent.version, session.agent.name], [1, 'Ant']);
    });

    test('overrides replace, clear or inherit, and leave the agent alone', async () => {
      const base = await openSession(client, {
        system: 'Be brief.',
        tools: richTools,
        mcp_servers: [docsServer],
      });
      const session = await client.beta.sessions.create({
        environment_id: base.environment_id,
        agent: {
          type: 'agent_with_overrides',
          id: base.agent.id,
          system: null,
          tools: [toolset],
          mcp_servers: [],
        },
      });
      assert.deepEqual([session.agent.id, session.agent.version], [base.agent.id, 1]);
      assert.deepEqual([session.agent.system, session.agent.mcp_servers], [null, []]);
      assert.deepEqual(session.agent.model, base.agent.model);
      assert.equal(session.agent.tools.length, 1);
      const agent = await client.beta.agents.retrieve(base.agent.id);
      assert.deepEqual([agent.version, agent.system, agent.tools], [1, 'Be brief.', base.agent.tools]);
    });

    test('initial events are in the log before the answer, which does not echo them', async () => {
      const events = [message('first'), message('second')];
      const session = await openSession(client, {}, { initial_events: events, title: 'A start' });
      assert.deepEqual([session.status, session.title], ['running', 'A start']);
      assert.equal('initial_events' in session, false);
      await atRest(client, session.id);
      const said = (await listAll(client, session.id)).filter(({ type }) => type === 'user.message');
      assert.deepEqual(
        said.map((event) => 'content' in event && event.content),
        events.map(({ content }) => content),
      );
    });

    test('title and metadata are kept', async () => {
      const session = await openSession(
        client,
        {},
        { title: 'Émile 🐜', metadata: { team: 'blue', empty: '' } },
      );
      const kept = await client.beta.sessions.retrieve(session.id);
      assert.deepEqual([kept.title, kept.metadata], ['Émile 🐜', { team: 'blue', empty: '' }]);
      assert.deepEqual(kept, { ...session, stats: kept.stats });
    });
  });

  describe('list', () => {
    let sessions: Session[];
    let agentId: string;
    before(async () => {
      const first = await openSession(client);
      agentId = first.agent.id;
      const more = { agent: agentId, environment_id: first.environment_id };
      sessions = [first];
      for (let count = 1; count < 5; count++) sessions.push(await client.beta.sessions.create(more));
      await client.beta.agents.update(agentId, { version: 1, name: 'Second' });
      sessions.push(await client.beta.sessions.create(more));
      await say(client, sessions[0]?.id ?? '', 'hello');
      await client.beta.sessions.archive(sessions[1]?.id ?? '');
    });

    type Query = NonNullable<Parameters<Anthropic['beta']['sessions']['list']>[0]>;
    const createdAt = (index: number) => sessions[index]?.created_at ?? '';
    const cases: readonly (readonly [name: string, query: () => Query, expected: readonly number[]])[] = [
      ['newest first, archived ones left out', () => ({}), [5, 4, 3, 2, 0]],
      ['oldest first', () => ({ order: 'asc' }), [0, 2, 3, 4, 5]],
      ['with the archived', () => ({ include_archived: true }), [5, 4, 3, 2, 1, 0]],
      ['of one version of the agent', () => ({ agent_version: 2 }), [5]],
      ['of a status', () => ({ statuses: ['terminated'], include_archived: true }), [1]],
      [
        'of several statuses',
        () => ({ statuses: ['idle', 'terminated'], include_archived: true }),
        [5, 4, 3, 2, 1, 0],
      ],
      ['of a status nobody has', () => ({ statuses: ['rescheduling'] }), []],
      ['created after', () => ({ 'created_at[gt]': createdAt(3) }), [5, 4]],
      ['created at or after', () => ({ 'created_at[gte]': createdAt(3) }), [5, 4, 3]],
      ['created before', () => ({ 'created_at[lt]': createdAt(3) }), [2, 0]],
      ['created at or before', () => ({ 'created_at[lte]': createdAt(3) }), [3, 2, 0]],
      ['of a deployment', () => ({ deployment_id: 'depl_01' }), []],
      ['of a memory store', () => ({ memory_store_id: 'memstore_01' }), []],
    ];
    for (const [name, query, expected] of cases) {
      test(`sessions ${name}`, async () => {
        const page = await client.beta.sessions.list({ agent_id: agentId, ...query() });
        assert.deepEqual(indexes(page.data), expected);
        assert.deepEqual([page.next_page, page.prev_page], [null, null]);
      });
    }

    test('a foreign agent has no sessions here', async () => {
      const page = await client.beta.sessions.list({ agent_id: 'agent_01nobody' });
      assert.deepEqual(page.data, []);
    });

    test('auto-pagination meets every session once, whatever the page size', async () => {
      for (const limit of [1, 2, 3, 5, 100]) {
        const all: Session[] = [];
        for await (const session of client.beta.sessions.list({ agent_id: agentId, limit }))
          all.push(session);
        assert.deepEqual(indexes(all), [5, 4, 3, 2, 0], `pages of ${limit}`);
      }
    });

    test('cursors lead forwards and back to the same pages', async () => {
      const query = { agent_id: agentId, limit: 2 };
      const first = await client.beta.sessions.list(query);
      const second = await client.beta.sessions.list({ ...query, page: first.next_page ?? '' });
      const third = await client.beta.sessions.list({ ...query, page: second.next_page ?? '' });
      assert.deepEqual(
        [first, second, third].map(({ data }) => indexes(data)),
        [[5, 4], [3, 2], [0]],
      );
      assert.deepEqual([first.prev_page, third.next_page], [null, null]);
      const secondAgain = await client.beta.sessions.list({ ...query, page: third.prev_page ?? '' });
      const firstAgain = await client.beta.sessions.list({ ...query, page: secondAgain.prev_page ?? '' });
      assert.deepEqual(
        [secondAgain, firstAgain].map(({ data }) => indexes(data)),
        [
          [3, 2],
          [5, 4],
        ],
      );
      assert.equal(firstAgain.prev_page, null);
      assert.notEqual(firstAgain.next_page, null);
    });

    function indexes(listed: readonly Session[]): number[] {
      return listed.map(({ id }) => sessions.findIndex((session) => session.id === id));
    }
  });

  describe('update', () => {
    test('title and metadata change, and the change is an event with nothing else in it', async () => {
      const session = await openSession(client, {}, { metadata: { keep: '1', drop: '2' } });
      const updated = await client.beta.sessions.update(session.id, {
        title: 'Renamed',
        metadata: { drop: null, add: '3' },
      });
      assert.deepEqual([updated.title, updated.metadata], ['Renamed', { keep: '1', add: '3' }]);
      const [event] = await listAll(client, session.id);
      const { id, processed_at, ...said } = event ?? { id: '', processed_at: '' };
      assert.deepEqual(said, {
        type: 'session.updated',
        title: 'Renamed',
        metadata: { keep: '1', add: '3' },
      });
    });

    test('an update that changes nothing says nothing', async () => {
      const session = await openSession(client, {}, { title: 'Same', metadata: { a: 'b' } });
      const updated = await client.beta.sessions.update(session.id, { title: 'Same', metadata: { a: 'b' } });
      assert.equal(updated.updated_at, session.updated_at);
      assert.deepEqual(await listAll(client, session.id), []);
    });

    test('tools and servers of the agent are replaced for this session and its next turn', async () => {
      const session = await openSession(client);
      const updated = await client.beta.sessions.update(session.id, { agent: { tools: [] } });
      assert.deepEqual(updated.agent.tools, []);
      const events = await say(client, session.id, 'run `echo hello`');
      assert.match(spoken(events), /I would need the tool "bash"/);
      const agent = await client.beta.agents.retrieve(session.agent.id);
      assert.equal(agent.tools.length, 1);
    });

    test('resolved tools and servers can be posted back as they are', async () => {
      const session = await openSession(client, { tools: richTools, mcp_servers: [docsServer] });
      const { tools, mcp_servers } = session.agent;
      const updated = await client.beta.sessions.update(session.id, { agent: { tools, mcp_servers } });
      assert.deepEqual(updated.agent, session.agent);
      assert.deepEqual(await listAll(client, session.id), []);
    });

    test('a resolved agent can be posted back as it is, and stays at its version', async () => {
      const session = await openSession(client, { tools: richTools, mcp_servers: [docsServer] });
      const { version, name, model, description, system, tools, mcp_servers, skills, metadata } =
        await client.beta.agents.retrieve(session.agent.id);
      const echo = { version, name, model, description, system, tools, mcp_servers, skills, metadata };
      const agent = await client.beta.agents.update(session.agent.id, echo);
      assert.equal(agent.version, 1);
    });
  });

  test('archive ends the session for good, keeps its history, and can be repeated', async () => {
    const session = await openSession(client);
    await say(client, session.id, 'hello');
    const archived = await client.beta.sessions.archive(session.id);
    assert.equal(archived.status, 'terminated');
    assert.notEqual(archived.archived_at, null);
    const again = await client.beta.sessions.archive(session.id);
    assert.equal(again.archived_at, archived.archived_at);
    const types = (await listAll(client, session.id)).map(({ type }) => type);
    assert.deepEqual(types.slice(-2), ['session.thread_status_terminated', 'session.status_terminated']);
    assert.ok(types.includes('agent.message'));
    const stream = await client.beta.sessions.events.stream(session.id);
    for await (const event of stream) assert.fail(`the stream of an archived session said ${event.type}`);
  });

  test('an archived session frees nobody from its history: waiting calls are closed', async () => {
    const ask = { ...toolset, default_config: { permission_policy: { type: 'always_ask' } } } as const;
    const session = await openSession(client, { tools: [ask] });
    await say(client, session.id, 'run `echo hello`');
    await client.beta.sessions.archive(session.id);
    const events = await listAll(client, session.id);
    const result = events.find(({ type }) => type === 'agent.tool_result');
    assert.equal(result && 'is_error' in result && result.is_error, true);
  });

  test('delete tells open streams, and nothing is left', async () => {
    const session = await openSession(client);
    const stream = await client.beta.sessions.events.stream(session.id);
    assert.deepEqual(await client.beta.sessions.delete(session.id), {
      id: session.id,
      type: 'session_deleted',
    });
    const seen: string[] = [];
    for await (const event of stream) seen.push(event.type);
    assert.deepEqual(seen, ['session.deleted']);
    const gone = { status: 404 };
    await assert.rejects(client.beta.sessions.retrieve(session.id), gone);
    await assert.rejects(client.beta.sessions.delete(session.id), gone);
    await assert.rejects(client.beta.sessions.archive(session.id), gone);
    await assert.rejects(client.beta.sessions.update(session.id, { title: 'x' }), gone);
    await assert.rejects(client.beta.sessions.events.list(session.id), gone);
    await assert.rejects(client.beta.sessions.events.stream(session.id), gone);
    await assert.rejects(send(client, session.id, message('hello')), gone);
    await assert.rejects(client.beta.sessions.threads.list(session.id), gone);
    const page = await client.beta.sessions.list({ agent_id: session.agent.id, include_archived: true });
    assert.deepEqual(page.data, []);
  });
});

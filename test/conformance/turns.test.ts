import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type Anthropic from '@anthropic-ai/sdk';
import type { ListedEvent, StreamedEvent } from '../support/server-sessions.ts';
import {
  askFirst,
  atRest,
  collect,
  isIdle,
  listAll,
  message,
  openSession,
  say,
  send,
  spoken,
  toolset,
  weather,
} from '../support/server-sessions.ts';
import { describeServer } from '../support/server-suite.ts';

const scenarios = {
  twice: `
rules:
  - when: { step: 0 }
    reply:
      - { tool: bash, input: { command: 'echo one' } }
      - { tool: bash, input: { command: 'echo two' } }
  - reply: [{ text: 'Both are answered.' }]
`,
};

describeServer({ name: 'turns over HTTP', scenarios }, ({ client }) => {
  test('a turn with a tool is told in order, alike on the stream and in the list', async () => {
    const session = await openSession(client);
    const streamed = await say(client, session.id, 'run `echo hello`');
    assert.deepEqual(
      streamed.map(({ type }) => type),
      [
        'session.status_running',
        'session.thread_status_running',
        'user.message',
        'span.model_request_start',
        'agent.message',
        'agent.tool_use',
        'span.model_request_end',
        'agent.tool_result',
        'span.model_request_start',
        'agent.message',
        'span.model_request_end',
        'session.thread_status_idle',
        'session.usage',
        'session.status_idle',
      ],
    );
    assert.deepEqual(await listAll(client, session.id), streamed);
    assert.match(spoken(streamed), /printed:\s+hello/);
    const times = streamed.map((event) => ('processed_at' in event && event.processed_at) || '');
    assert.deepEqual(times, [...new Set(times)].sort());
    const last = streamed.at(-1);
    assert.deepEqual(last?.type === 'session.status_idle' && [last.stop_reason, last.stop_details], [
      { type: 'end_turn' },
      null,
    ]);
    assert.equal((await client.beta.sessions.retrieve(session.id)).status, 'idle');
  });

  test('sent events come back in order with ids, not yet processed', async () => {
    const session = await openSession(client);
    const { data } = await send(client, session.id, message('one'), message('two'));
    assert.deepEqual(
      data?.map((event) => ('content' in event ? event.content : null)),
      [message('one').content, message('two').content],
    );
    assert.deepEqual(
      data?.map(({ processed_at }) => processed_at),
      [null, null],
    );
    await atRest(client, session.id);
    const listed = (await listAll(client, session.id)).filter(({ type }) => type === 'user.message');
    assert.deepEqual(
      listed.map(({ id }) => id),
      data?.map(({ id }) => id),
    );
    assert.ok(listed.every(({ processed_at }) => processed_at !== null));
  });

  describe('the list of events', () => {
    let sessionId: string;
    let all: ListedEvent[];
    before(async () => {
      const session = await openSession(client);
      sessionId = session.id;
      await say(client, sessionId, 'hello');
      await say(client, sessionId, 'hello again');
      all = await listAll(client, sessionId);
    });

    type Query = NonNullable<Parameters<Anthropic['beta']['sessions']['events']['list']>[1]>;
    const at = (index: number) => all.at(index)?.processed_at ?? '';
    const cases: readonly (readonly [name: string, query: () => Query, expected: () => ListedEvent[]])[] = [
      [
        'of one type',
        () => ({ types: ['user.message'] }),
        () => all.filter(({ type }) => type === 'user.message'),
      ],
      [
        'of two types',
        () => ({ types: ['agent.message', 'session.usage'] }),
        () => all.filter(({ type }) => type === 'agent.message' || type === 'session.usage'),
      ],
      ['newest first', () => ({ order: 'desc' }), () => all.toReversed()],
      ['processed after', () => ({ 'created_at[gt]': at(4) }), () => all.slice(5)],
      ['processed at or after', () => ({ 'created_at[gte]': at(4) }), () => all.slice(4)],
      ['processed before', () => ({ 'created_at[lt]': at(4) }), () => all.slice(0, 4)],
      ['processed at or before', () => ({ 'created_at[lte]': at(4) }), () => all.slice(0, 5)],
    ];
    for (const [name, query, expected] of cases) {
      test(`events ${name}, on one page or on many`, async () => {
        assert.notDeepEqual(expected(), []);
        for (const limit of [1000, 3, 1]) {
          const listed: ListedEvent[] = [];
          const pages = client.beta.sessions.events.list(sessionId, { ...query(), limit });
          for await (const event of pages) listed.push(event);
          assert.deepEqual(listed, expected(), `pages of ${limit}`);
        }
      });
    }
  });

  test('previews grow into the message they announce', async () => {
    const session = await openSession(client);
    const events = await collect(
      client,
      session.id,
      () => send(client, session.id, message('hello')),
      isIdle,
      {
        event_deltas: ['agent.message'],
      },
    );
    const start = events.findIndex(({ type }) => type === 'event_start');
    const end = events.findIndex(({ type }) => type === 'agent.message');
    assert.ok(start !== -1 && start < end);
    const text = events
      .map((event) => (event.type === 'event_delta' ? event.delta.content.text : ''))
      .join('');
    assert.notEqual(text, '');
    assert.ok(spoken(events).startsWith(text));
    assert.equal(events.findLastIndex(({ type }) => type === 'event_delta') < end, true);
    assert.ok((await listAll(client, session.id)).every(({ type }) => !String(type).startsWith('event_')));
  });

  test('a stream that did not ask gets no previews', async () => {
    const session = await openSession(client);
    const events = await say(client, session.id, 'hello');
    assert.deepEqual(
      events.filter(({ type }) => type.startsWith('event_')),
      [],
    );
  });

  describe('a call that asks first', () => {
    async function asking() {
      const session = await openSession(client, { tools: [askFirst] });
      const events = await say(client, session.id, 'run `echo hello`');
      const use = events.find((event) => event.type === 'agent.tool_use');
      assert.equal(use?.evaluated_permission, 'ask');
      assert.deepEqual(stopReason(events), { type: 'requires_action', event_ids: [use.id] });
      return { session, useId: use.id };
    }

    test('runs once it is allowed', async () => {
      const { session, useId } = await asking();
      const allow = { type: 'user.tool_confirmation', tool_use_id: useId, result: 'allow' } as const;
      const events = await collect(client, session.id, () => send(client, session.id, allow));
      assert.match(spoken(events), /printed:\s+hello/);
      assert.deepEqual(stopReason(events), { type: 'end_turn' });
    });

    test('does not run when denied, and the model hears why', async () => {
      const { session, useId } = await asking();
      const deny = {
        type: 'user.tool_confirmation',
        tool_use_id: useId,
        result: 'deny',
        deny_message: 'Not on a Sunday.',
      } as const;
      const events = await collect(client, session.id, () => send(client, session.id, deny));
      const result = events.find((event) => event.type === 'agent.tool_result');
      assert.equal(result?.is_error, true);
      assert.deepEqual(result.content, [
        {
          type: 'text',
          text: 'Permission to use bash has been rejected. Rejection message: Not on a Sunday.',
        },
      ]);
      assert.deepEqual(stopReason(events), { type: 'end_turn' });
    });

    test('waits for all answers, and says again what is left', async () => {
      const session = await openSession(client, { tools: [askFirst], model: 'scripted/twice' });
      const asked = await say(client, session.id, 'go');
      const ids = asked.flatMap((event) => (event.type === 'agent.tool_use' ? [event.id] : []));
      assert.deepEqual(stopReason(asked), { type: 'requires_action', event_ids: ids });
      const allow = (id = '') =>
        ({ type: 'user.tool_confirmation', tool_use_id: id, result: 'allow' }) as const;
      const rest = await collect(client, session.id, () => send(client, session.id, allow(ids[1])));
      assert.deepEqual(stopReason(rest), { type: 'requires_action', event_ids: [ids[0]] });
      const end = await collect(client, session.id, () => send(client, session.id, allow(ids[0])));
      assert.equal(spoken(end), 'Both are answered.');
    });
  });

  test('a custom tool is answered by the client', async () => {
    const session = await openSession(client, { tools: [weather] });
    const asked = await say(client, session.id, 'use the weather tool with {"city":"Graz"}');
    const use = asked.find((event) => event.type === 'agent.custom_tool_use');
    assert.deepEqual([use?.name, use?.input], ['weather', { city: 'Graz' }]);
    assert.deepEqual(stopReason(asked), { type: 'requires_action', event_ids: [use?.id] });
    const answer = {
      type: 'user.custom_tool_result' as const,
      custom_tool_use_id: use?.id ?? '',
      content: [{ type: 'text' as const, text: 'Snow, -3 °C' }],
    };
    const events = await collect(client, session.id, () => send(client, session.id, answer));
    assert.match(spoken(events), /weather answered:\s+Snow, -3 °C/);
  });

  test('a second message remembers the first', async () => {
    const session = await openSession(client);
    await say(client, session.id, 'remember that the queen lives in chamber nine');
    const events = await say(client, session.id, 'what did I ask you to remember?');
    assert.match(spoken(events), /the queen lives in chamber nine/);
  });

  test('files of one turn are there in the next, and in no other session', async () => {
    const session = await openSession(client);
    await say(client, session.id, 'run `echo crumbs > pantry.txt`');
    assert.match(spoken(await say(client, session.id, 'run `cat pantry.txt`')), /crumbs/);
    const other = await openSession(client);
    assert.doesNotMatch(spoken(await say(client, other.id, 'run `cat pantry.txt`')), /crumbs/);
  });

  test('an MCP server that cannot be reached is reported, and the turn goes on', async () => {
    const session = await openSession(client, {
      tools: [toolset, { type: 'mcp_toolset', mcp_server_name: 'docs' }],
      mcp_servers: [{ type: 'url', name: 'docs', url: 'https://docs.example.com/mcp' }],
    });
    const events = await say(client, session.id, 'hello');
    const error = events.find((event) => event.type === 'session.error')?.error;
    assert.deepEqual(error && 'mcp_server_name' in error && [error.type, error.mcp_server_name], [
      'mcp_connection_failed_error',
      'docs',
    ]);
    assert.match(spoken(events), /Hello!/);
    assert.deepEqual(stopReason(events), { type: 'end_turn' });
  });

  test('who sends first and opens the stream second misses nothing', async () => {
    const session = await openSession(client);
    await send(client, session.id, message('hello'));
    await atRestUnseen(session.id);
    const events = await collect(client, session.id, async () => undefined);
    assert.deepEqual(events, await listAll(client, session.id));
  });

  /** At rest, without a stream of our own, which would take what was missed. */
  async function atRestUnseen(sessionId: string): Promise<void> {
    while ((await client.beta.sessions.retrieve(sessionId)).status === 'running');
  }

  test('a stream picks up behind the last event it saw', async () => {
    const session = await openSession(client);
    const events = await say(client, session.id, 'hello');
    const headers = { 'last-event-id': events[4] && 'id' in events[4] ? events[4].id : '' };
    const stream = await client.beta.sessions.events.stream(session.id, undefined, { headers });
    const rest: StreamedEvent[] = [];
    for await (const event of stream) {
      rest.push(event);
      if (isIdle(event)) break;
    }
    assert.deepEqual(rest, events.slice(5));
  });
});

function stopReason(events: readonly StreamedEvent[]) {
  const last = events.at(-1);
  return last?.type === 'session.status_idle' ? last.stop_reason : null;
}

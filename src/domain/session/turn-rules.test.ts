import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { customTool, message, pureSession, text, toolUse } from '../../../test/support/pure-session.ts';
import { chainToArray } from '../../base/chain.ts';
import { resolveTools } from '../agent-tools.ts';
import { toolRoundsMax } from '../limits.ts';
import { messagesOf } from './context.ts';
import { updateSession } from './lifecycle.ts';
import { summarize } from './summarize.ts';

const askAll = {
  type: 'agent_toolset_20260401' as const,
  default_config: { permission_policy: { type: 'always_ask' as const } },
};
const turnStart = [
  'session.status_running',
  'session.thread_status_running',
  'user.message',
  'span.model_request_start',
];
const turnEnd = ['session.thread_status_idle', 'session.usage', 'session.status_idle'];

describe('a turn', () => {
  test('lists its events in the order of the specification', () => {
    const session = pureSession();
    session.send(message('hi'));
    session.advance();
    session.reply({ type: 'thinking', thinking: 'hm', signature: 's' }, text('hello'));
    assert.deepEqual(session.advance(), { type: 'rest' });
    assert.deepEqual(session.types(), [
      ...turnStart,
      'agent.thinking',
      'agent.message',
      'span.model_request_end',
      ...turnEnd,
    ]);
  });

  test('stamps strictly increase and a message is stamped 1 µs before its request', () => {
    const session = pureSession();
    session.send(message('hi'));
    session.advance();
    const stamps = session.events().map((event) => event.processed_at ?? '');
    assert.deepEqual(stamps, [...new Set(stamps)].toSorted());
    const micros = (stamp: string | undefined) => Number(stamp?.slice(20, 26));
    assert.equal(micros(stamps[3]) - micros(stamps[2]), 1);
  });

  test('a message sent during a request is consumed by the next request of the same turn', () => {
    const session = pureSession();
    session.send(message('one'));
    session.advance();
    session.send(message('two'));
    session.reply(text('first'));
    assert.equal(session.advance().type, 'request');
    session.reply(text('second'));
    session.advance();
    const types = session.types();
    assert.equal(types.filter((type) => type === 'session.status_idle').length, 1);
    assert.equal(types.filter((type) => type === 'session.status_running').length, 1);
  });

  test('runs allowed tools at once, waits for those that ask, and lists all of them in call order', () => {
    const session = pureSession([
      {
        type: 'agent_toolset_20260401',
        configs: [{ name: 'write', permission_policy: { type: 'always_ask' } }],
      },
      customTool,
    ]);
    session.send(message('go'));
    session.advance();
    session.reply(toolUse('t1', 'write'), toolUse('t2', 'bash', { command: 'ls' }), toolUse('t3', 'weather'));
    const step = session.advance();
    assert.equal(step.type, 'tools');
    const [write, bash, weather] = session.state().round.calls.map((call) => call.eventId);
    assert.deepEqual(step.type === 'tools' && step.calls.map((call) => call.eventId), [bash]);
    session.result(String(bash));
    assert.equal(session.advance().type, 'rest');
    assert.deepEqual(session.state().stopReason, { type: 'requires_action', event_ids: [write, weather] });
    assert.equal(session.state().status, 'idle');
  });

  test('a partial answer idles again with the rest; the last one resumes, and only then tools run', () => {
    const session = pureSession([askAll]);
    session.send(message('go'));
    session.advance();
    session.reply(toolUse('t1', 'bash', { command: 'a' }), toolUse('t2', 'bash', { command: 'b' }));
    session.advance();
    const [first = '', second = ''] = session.state().round.calls.map((call) => call.eventId);
    const before = session.types().length;
    session.send({ type: 'user.tool_confirmation', tool_use_id: first, result: 'allow' });
    assert.deepEqual(session.types().slice(before), ['user.tool_confirmation', ...turnEnd]);
    assert.deepEqual(session.state().stopReason, { type: 'requires_action', event_ids: [second] });
    session.send({
      type: 'user.tool_confirmation',
      tool_use_id: second,
      result: 'deny',
      deny_message: 'no way',
    });
    assert.deepEqual(session.types().slice(before + 4), ['user.tool_confirmation', 'session.status_running']);
    const step = session.advance();
    assert.deepEqual(step.type === 'tools' && step.calls.map((call) => call.eventId), [first]);
    session.result(first);
    assert.equal(session.advance().type, 'request');
    const denied = session
      .events()
      .find((event) => event.type === 'agent.tool_result' && event.tool_use_id === second);
    assert.deepEqual(denied?.type === 'agent.tool_result' && denied.content, [
      { type: 'text', text: 'Permission to use bash has been rejected. Rejection message: no way' },
    ]);
  });

  test('answers out of order: the early one stays unprocessed until earlier calls settle', () => {
    const session = pureSession([askAll]);
    session.send(message('go'));
    session.advance();
    session.reply(toolUse('t1', 'bash'), toolUse('t2', 'read'));
    session.advance();
    const [first = '', second = ''] = session.state().round.calls.map((call) => call.eventId);
    session.send({ type: 'user.tool_confirmation', tool_use_id: second, result: 'allow' });
    assert.deepEqual(session.state().stopReason, { type: 'requires_action', event_ids: [first] });
    assert.equal(session.state().queue.length, 1);
    assert.throws(
      () => session.send({ type: 'user.tool_confirmation', tool_use_id: second, result: 'deny' }),
      /not waiting/,
    );
    session.send({ type: 'user.tool_confirmation', tool_use_id: first, result: 'allow' });
    assert.equal(session.state().queue.length, 0);
    assert.equal(session.state().status, 'running');
  });

  test('an unknown or disabled tool is refused before any policy: deny, no evaluation, error result', () => {
    const session = pureSession([
      { type: 'agent_toolset_20260401', configs: [{ name: 'bash', enabled: false }] },
    ]);
    session.send(message('go'));
    session.advance();
    session.reply(toolUse('t1', 'bash'), toolUse('t2', 'nonsense'));
    assert.equal(session.advance().type, 'request');
    for (const event of session.events()) {
      if (event.type !== 'agent.tool_use') continue;
      assert.equal(event.evaluated_permission, 'deny');
      assert.equal(event.evaluation, undefined);
    }
    const results = session.events().filter((event) => event.type === 'agent.tool_result');
    assert.deepEqual(
      results.map((event) => event.type === 'agent.tool_result' && event.is_error),
      [true, true],
    );
  });

  test('a failed request reschedules, resumes, and after five attempts gives up with the queue flushed', () => {
    const session = pureSession();
    session.send(message('go'));
    session.advance();
    for (let attempt = 1; attempt < 5; attempt++) {
      session.fail({ retryable: true });
      assert.equal(session.state().status, 'rescheduling');
      assert.ok(session.state().wakeAtUs);
      assert.equal(session.advance().type, 'request');
      assert.equal(session.state().status, 'running');
    }
    session.send(message('more'));
    session.fail({ retryable: true });
    assert.deepEqual(session.state().stopReason, { type: 'retries_exhausted' });
    assert.equal(session.state().queue.length, 0);
    const errors = session
      .events()
      .flatMap((event) => (event.type === 'session.error' ? [event.error.retry_status.type] : []));
    assert.deepEqual(errors, ['retrying', 'retrying', 'retrying', 'retrying', 'exhausted']);
  });

  test('an agent that only calls tools is stopped after its limit of rounds', () => {
    const session = pureSession([{ type: 'agent_toolset_20260401' }]);
    session.send(message('go'));
    for (let round = 0; round < toolRoundsMax; round++) {
      assert.equal(session.advance().type, 'request');
      session.reply(toolUse(`t${round}`, 'bash', { command: 'a' }));
      session.advance();
      session.result(session.state().round.calls[0]?.eventId ?? '');
    }
    assert.equal(session.advance().type, 'rest');
    const error = session.events().find((event) => event.type === 'session.error');
    assert.deepEqual(error?.type === 'session.error' && [error.error.type, error.error.retry_status], [
      'tool_use_limit_reached_error',
      { type: 'exhausted' },
    ]);
    assert.deepEqual(session.state().stopReason, { type: 'retries_exhausted' });
    session.send(message('again'));
    assert.equal(session.advance().type, 'request');
  });

  test('a bill that is not paid ends the turn at once', () => {
    const session = pureSession();
    session.send(message('go'));
    session.advance();
    session.fail({ retryable: false, kind: 'billing' });
    const error = session.events().find((event) => event.type === 'session.error');
    assert.equal(error?.type === 'session.error' && error.error.type, 'billing_error');
    assert.deepEqual(session.state().stopReason, { type: 'retries_exhausted' });
  });
});

describe('an interrupt', () => {
  test('closes unfinished calls, then is listed, then the idle events; queued messages start the next turn', () => {
    const session = pureSession();
    session.send(message('go'));
    session.advance();
    session.reply(toolUse('t1', 'bash', { command: 'sleep 9' }));
    session.advance();
    session.send(message('later'), { type: 'user.interrupt' });
    const calls = new Set(session.state().round.calls.map((call) => call.eventId));
    assert.equal(session.advance({ inFlight: { request: null, calls } }).type, 'wait');
    const before = session.types().length;
    assert.equal(session.advance().type, 'request');
    assert.deepEqual(session.types().slice(before), [
      'agent.tool_result',
      'user.interrupt',
      ...turnEnd,
      ...turnStart,
    ]);
    assert.ok(!session.types().includes('agent.message'));
  });

  test('during a request leaves no message, only the end of the span', () => {
    const session = pureSession();
    session.send(message('go'));
    session.advance();
    session.send({ type: 'user.interrupt' });
    session.advance();
    assert.deepEqual(session.types(), [...turnStart, 'span.model_request_end', 'user.interrupt', ...turnEnd]);
    assert.deepEqual(session.state().stopReason, { type: 'end_turn' });
  });

  test('on a session that waits closes what it waits for', () => {
    const session = pureSession([customTool]);
    session.send(message('go'));
    session.advance();
    session.reply(toolUse('t1', 'weather'));
    session.advance();
    const before = session.types().length;
    session.send({ type: 'user.interrupt' }, message('next'));
    assert.deepEqual(session.types().slice(before), [
      'agent.tool_result',
      'user.interrupt',
      ...turnEnd,
      'session.status_running',
    ]);
  });
});

describe('after a crash', () => {
  test('an open request is closed as an error and asked again', () => {
    const session = pureSession();
    session.send(message('go'));
    session.advance();
    assert.equal(session.advance().type, 'request');
    const end = session.events().find((event) => event.type === 'span.model_request_end');
    assert.equal(end?.type === 'span.model_request_end' && end.is_error, true);
  });

  test('a started tool is never run again, a read-only one is', () => {
    const session = pureSession();
    session.send(message('go'));
    session.advance();
    session.reply(toolUse('t1', 'bash', { command: 'x' }), toolUse('t2', 'read', { file_path: 'a' }));
    session.advance();
    const step = session.advance();
    assert.deepEqual(step.type === 'tools' && step.calls.map((call) => call.name), ['read']);
    const [unknown] = session.events().filter((event) => event.type === 'agent.tool_result');
    assert.match(JSON.stringify(unknown), /outcome is unknown/);
  });
});

describe('what the model is shown', () => {
  test('alternates, answers every tool use first, and keeps thinking byte by byte', () => {
    const session = pureSession();
    const thinking = { type: 'thinking', thinking: 'ö\u0000…', signature: 'sig==' };
    session.send(message('go'));
    session.advance();
    session.reply(thinking, toolUse('t1', 'bash', { command: 'x' }), toolUse('t2', 'nonsense'));
    session.advance();
    session.send(message('and'));
    session.result(String(session.state().round.calls[0]?.eventId));
    session.advance();
    const messages = messagesOf(chainToArray(session.state().conversation));
    assert.deepEqual(
      messages.map((entry) => entry.role),
      ['user', 'assistant', 'user'],
    );
    assert.deepEqual(messages[1]?.content[0], thinking);
    assert.deepEqual(
      messages[2]?.content.map((block) => block.type),
      ['tool_result', 'tool_result', 'text'],
    );
  });
});

describe('vaults of a session', () => {
  test('are kept in order; a log from before vaults existed names none', () => {
    const vaultIds = ['vlt_2', 'vlt_1'];
    for (const [birth, expected] of [
      [{ vaultIds }, vaultIds],
      [{}, []],
    ] as const) {
      const session = pureSession(undefined, birth);
      assert.deepEqual(session.state().vaultIds, expected);
      assert.deepEqual(summarize(session.state(), 0).vault_ids, expected);
    }
  });
});

describe('an update', () => {
  test('emits only what changed, and nothing when nothing did', () => {
    const session = pureSession();
    const { agent } = session.state();
    session.decide((draft) => updateSession(draft, { title: null, metadata: {}, agent }));
    assert.deepEqual(session.types(), []);
    session.decide((draft) => updateSession(draft, { title: 'new', metadata: { a: 'b' } }));
    const [updated] = session.events();
    assert.deepEqual(Object.keys(updated ?? {}).toSorted(), [
      'id',
      'metadata',
      'processed_at',
      'title',
      'type',
    ]);
    session.decide((draft) => updateSession(draft, { metadata: {} }));
    assert.equal(Object.hasOwn(session.events()[1] ?? {}, 'metadata'), false);
  });

  test('changes tools only while idle', () => {
    const session = pureSession();
    session.send(message('go'));
    const agent = { ...session.state().agent, tools: resolveTools([]) };
    assert.throws(
      () => session.decide((draft) => updateSession(draft, { agent })),
      /only be updated while the session is idle; it is running/,
    );
  });

  test('a raised budget resumes paused work, a lower one is refused', () => {
    const limit = (amount: string) => ({
      type: 'limit' as const,
      max_list_cost: { amount, currency: 'USD' as const },
    });
    const session = pureSession([{ type: 'agent_toolset_20260401' }], { budget: limit('1') });
    session.send(message('go'));
    session.advance();
    session.decide((draft) => draft.append({ kind: 'replied', reply: { ...dearReply, requestId: 'r' } }));
    session.send(message('more'));
    session.advance();
    assert.deepEqual(session.state().stopReason, { type: 'budget_reached' });
    assert.throws(
      () => session.decide((draft) => updateSession(draft, { budget: limit('2') })),
      /budget_not_raised/,
    );
    session.decide((draft) => updateSession(draft, { budget: limit('100') }));
    assert.equal(session.state().status, 'running');
    assert.equal(session.advance().type, 'request');
  });
});

const dearReply = {
  content: [text('x')],
  calls: [],
  usage: {
    inputTokens: 1,
    outputTokens: 1,
    cacheReadInputTokens: 0,
    cacheCreation5mInputTokens: 0,
    cacheCreation1hInputTokens: 0,
    speed: null,
  },
  servedBy: 'm',
  stopReason: 'end_turn',
  costMicroCents: 5_000_000,
};

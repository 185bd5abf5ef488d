import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { message, pureSession, toolUse } from '../../../test/support/pure-session.ts';
import { abandonCalls } from './abandoned.ts';
import { workerGoneText } from './calls.ts';

describe('calls of a worker that is gone', () => {
  function assigned(...calls: ReturnType<typeof toolUse>[]) {
    const session = pureSession(undefined, { selfHosted: true });
    session.send(message('go'));
    session.advance();
    session.reply(...calls);
    session.advance();
    return session;
  }
  const statuses = (session: ReturnType<typeof assigned>) =>
    session.state().round.calls.map(({ name, status }) => [name, status]);

  test('are answered with what is not known of them; those that only read are run by the next', () => {
    const session = assigned(toolUse('a', 'bash'), toolUse('b', 'read'), toolUse('c', 'write'));
    session.decide(abandonCalls);
    assert.deepEqual(statuses(session), [
      ['bash', 'done'],
      ['read', 'assigned'],
      ['write', 'done'],
    ]);
    const results = session.events().filter((event) => event.type === 'user.tool_result');
    assert.deepEqual(
      results.map(({ is_error, content }) => [is_error, content]),
      Array(2).fill([true, [{ type: 'text', text: workerGoneText }]]),
    );
    assert.equal(session.state().status, 'idle');
    const before = session.entries.length;
    session.decide(abandonCalls);
    assert.equal(session.entries.length, before, 'the second time nothing is left to do');
  });

  test('wake the session when none is left', () => {
    const session = assigned(toolUse('a', 'bash'));
    session.decide(abandonCalls);
    assert.equal(session.state().status, 'running');
    assert.equal(session.advance().type, 'request');
  });

  test('that wait for a permission go on waiting', () => {
    const policy = { permission_policy: { type: 'always_ask' } } as const;
    const asking = { type: 'agent_toolset_20260401', default_config: policy } as const;
    const session = pureSession([asking], { selfHosted: true });
    session.send(message('go'));
    session.advance();
    session.reply(toolUse('a', 'bash'));
    session.advance();
    session.decide(abandonCalls);
    assert.deepEqual(statuses(session), [['bash', 'waiting']]);
  });
});

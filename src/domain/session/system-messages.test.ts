import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { customTool, message, pureSession, text, toolUse } from '../../../test/support/pure-session.ts';
import type { EventParams } from '../../protocol/event-params.ts';
import { createCatalog } from '../default-catalog.ts';
import { contextOf } from './context.ts';
import { checkSystemModel } from './system-messages.ts';

const system = (words: string): EventParams => ({
  type: 'system.message',
  content: [{ type: 'text', text: words }],
});
const news = { ...customTool, name: 'news' } as typeof customTool;
const result = (id: string): EventParams => ({ type: 'user.custom_tool_result', custom_tool_use_id: id });

/** A session that waits for the answers to its two custom tool calls. */
function waiting() {
  const session = pureSession([customTool, news]);
  session.send(message('hi'));
  session.advance();
  session.reply(toolUse('t1', 'weather'), toolUse('t2', 'news'));
  session.advance();
  return { session, calls: session.state().round.calls.map(({ eventId }) => eventId) };
}

const rolesOf = (session: ReturnType<typeof pureSession>) =>
  contextOf(session.state()).messages.map(({ role, content }) => [role, content.length]);

describe('a system message', () => {
  test('rides along with a message, behind it in the log and in what the model is shown', () => {
    const session = pureSession();
    session.send(message('hi'), system('Be brief.'));
    session.advance();
    assert.deepEqual(session.types().slice(2, 5), [
      'user.message',
      'system.message',
      'span.model_request_start',
    ]);
    assert.deepEqual(contextOf(session.state()).messages.at(-1), {
      role: 'system',
      content: [text('Be brief.')],
    });
  });

  test('sent alone to an idle session starts no turn, is queued, and is heard by the next request', () => {
    const session = pureSession();
    const [sent] = session.send(system('Be brief.'));
    assert.equal(sent?.processed_at, null);
    assert.equal(session.state().status, 'idle');
    assert.equal(session.advance().type, 'rest');
    session.send(message('hi'));
    session.advance();
    assert.equal(session.state().queue.length, 0);
    // The model hears it last, whoever spoke first.
    assert.deepEqual(rolesOf(session), [
      ['user', 1],
      ['system', 1],
    ]);
  });

  test('stays where it was said in later requests', () => {
    const session = pureSession();
    session.send(message('one'), system('Be brief.'));
    session.advance();
    session.reply(text('1'));
    session.advance();
    session.send(message('two'));
    session.advance();
    assert.deepEqual(rolesOf(session), [
      ['user', 1],
      ['system', 1],
      ['assistant', 1],
      ['user', 1],
    ]);
  });

  test('behind a result is taken although other answers are missing, and waits for them', () => {
    const { session, calls } = waiting();
    session.send(result(String(calls[0])), system('Be brief.'));
    assert.equal(session.state().status, 'idle');
    assert.equal(session.state().queue.length, 1);
    session.send(result(String(calls[1])));
    assert.equal(session.advance().type, 'request');
    assert.deepEqual(rolesOf(session).slice(-2), [
      ['user', 2],
      ['system', 1],
    ]);
  });

  test('alone or behind a message is refused while answers are missing', () => {
    const { session } = waiting();
    const before = session.state();
    assert.throws(() => session.send(system('x')), /waiting for an answer/);
    assert.throws(() => session.send(message('m'), system('x')), /waiting for an answer/);
    assert.equal(session.state(), before);
  });

  const misplaced: readonly (readonly [name: string, events: EventParams[], RegExp])[] = [
    ['not last', [system('x'), message('m')], /events\[0\]: system\.message must be the last event/],
    ['twice', [message('m'), system('x'), system('y')], /events\[1\]: .* only one is allowed/],
    [
      'behind an interrupt',
      [{ type: 'user.interrupt' }, system('x')],
      /events\[1\]: .* must directly follow/,
    ],
    [
      'behind a confirmation',
      [{ type: 'user.tool_confirmation', tool_use_id: 'sevt_1', result: 'allow' }, system('x')],
      /events\[1\]: .* must directly follow/,
    ],
  ];
  for (const [name, events, pattern] of misplaced)
    test(`${name} is refused`, () => {
      assert.throws(() => pureSession().send(...events), pattern);
    });

  test('is for models that take one', () => {
    const catalog = createCatalog([{ id: 'local/llama' }]);
    const check = (id: string) => {
      const { agent } = pureSession().state();
      checkSystemModel({ agent: { ...agent, model: { id } } }, [message('m'), system('x')], catalog);
    };
    for (const id of [
      'claude-fable-5',
      'claude-opus-4-8',
      'claude-opus-5-5',
      'claude-haiku-5-5',
      'scripted/a',
      'local/llama',
    ])
      check(id);
    for (const id of ['claude-opus-4-7', 'claude-sonnet-5', 'claude-haiku-4-5', 'claude-sonnet-4-6'])
      assert.throws(() => check(id), {
        name: 'Refusal',
        errorCode: 'model_does_not_support_mid_conversation_system',
      });
  });
});

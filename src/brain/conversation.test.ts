import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { PureSession } from '../../test/support/pure-session.ts';
import { customTool, message, pureSession, toolUse } from '../../test/support/pure-session.ts';
import type { WireBlock } from '../domain/model.ts';
import { contextOf } from '../domain/session/context.ts';
import { waitingCalls } from '../domain/session/state.ts';
import type { EventParams } from '../protocol/event-params.ts';
import { Refusal } from '../protocol/refusal.ts';
import { profileNames, profileOf, scriptedProfile } from './models/profile.ts';
import { signatureOf, validate } from './models/scripted/validate.ts';
import { wireRequest } from './models/wire-request.ts';

/** What the outside world may do to a session, at any moment. */
type Move =
  | { readonly type: 'say'; readonly text: string }
  | { readonly type: 'interrupt' }
  | { readonly type: 'confirm'; readonly nth: number; readonly result: 'allow' | 'deny' }
  | { readonly type: 'answer'; readonly nth: number; readonly text: string; readonly isError: boolean }
  | { readonly type: 'reply'; readonly blocks: readonly ReplyBlock[] }
  | { readonly type: 'fail'; readonly retryable: boolean }
  | { readonly type: 'finish'; readonly nth: number; readonly text: string };

type ReplyBlock = 'text' | 'empty' | 'blank' | 'thinking' | 'bash' | 'weather' | 'unknown';

const some = fc.constantFrom('hello', '', ' ', '\n');
const nth = fc.nat(3);
const block = fc.constantFrom<ReplyBlock>('text', 'empty', 'blank', 'thinking', 'bash', 'weather', 'unknown');
const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant('say'), text: fc.constantFrom('hello', ' ') }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('interrupt') }) },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('confirm'), nth, result: fc.constantFrom('allow', 'deny') }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('answer'), nth, text: some, isError: fc.boolean() }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constant('reply'), blocks: fc.array(block, { maxLength: 5 }) }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('fail'), retryable: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('finish'), nth, text: some }) },
);

/** A session whose model, tools and client are played by moves; those that make no sense now are passed over. */
function play(moves: readonly Move[], askFirst: boolean, onRequest: (session: PureSession) => void): void {
  const session = pureSession([
    {
      type: 'agent_toolset_20260401',
      default_config: { permission_policy: { type: askFirst ? 'always_ask' : 'always_allow' } },
    },
    customTool,
  ]);
  const calls = new Set<string>();
  let request: string | null = null;
  let uses = 0;
  session.send(message('begin'));
  step();

  function step(): void {
    // An interrupt ends what is in flight before the rules go on.
    if (session.state().queue.some(({ type }) => type === 'user.interrupt')) {
      calls.clear();
      request = null;
    }
    const next = session.advance({ inFlight: { request, calls } });
    if (next.type === 'request') {
      request = next.requestId;
      onRequest(session);
    }
    if (next.type === 'tools') for (const call of next.calls) calls.add(call.eventId);
  }

  function take(given: Move): void {
    const waiting = waitingCalls(session.state());
    if (given.type === 'say') send({ type: 'user.message', content: [{ type: 'text', text: given.text }] });
    if (given.type === 'interrupt') send({ type: 'user.interrupt' });
    if (given.type === 'confirm') {
      const call = waiting.filter(({ kind }) => kind !== 'custom')[given.nth];
      if (call) send({ type: 'user.tool_confirmation', tool_use_id: call.eventId, result: given.result });
    }
    if (given.type === 'answer') {
      const call = waiting.filter(({ kind }) => kind === 'custom')[given.nth];
      const content = given.text === '' ? [] : [{ type: 'text' as const, text: given.text }];
      if (call)
        send({
          type: 'user.custom_tool_result',
          custom_tool_use_id: call.eventId,
          content,
          is_error: given.isError,
        });
    }
    if (given.type === 'reply' && request !== null) {
      request = null;
      session.reply(...given.blocks.map((kind) => replyBlock(kind, `toolu_${uses++}`)));
    }
    if (given.type === 'fail' && request !== null) {
      request = null;
      session.fail({ retryable: given.retryable });
    }
    if (given.type === 'finish') {
      const eventId = [...calls][given.nth];
      if (!eventId) return;
      calls.delete(eventId);
      session.result(eventId, { content: [{ type: 'text', text: given.text }], isError: false });
    }
  }

  function send(event: EventParams): void {
    try {
      session.send(event);
    } catch (cause) {
      if (!(cause instanceof Refusal)) throw cause;
    }
  }

  for (const given of moves) {
    take(given);
    step();
  }
}

function replyBlock(kind: ReplyBlock, id: string): WireBlock {
  switch (kind) {
    case 'text':
      return { type: 'text', text: 'Well.' };
    case 'empty':
      return { type: 'text', text: '' };
    case 'blank':
      return { type: 'text', text: '\n\n' };
    case 'thinking':
      return { type: 'thinking', thinking: 'Hm.', signature: signatureOf('Hm.') };
    default:
      return toolUse(id, kind);
  }
}

const profiles = [scriptedProfile, ...profileNames.map(profileOf)];

/** The first message has words, so there is always something to send. */
function checkSendable(session: PureSession): void {
  const request = contextOf(session.state());
  const roles = request.messages.map(({ role }) => role);
  assert.ok(
    roles.every((role, at) => role === (at % 2 === 0 ? 'user' : 'assistant')),
    roles.join(),
  );
  request.messages.forEach(({ content }, at) => {
    const asked = content.flatMap((part) => (part.type === 'tool_use' ? [part['id']] : []));
    const answered = request.messages[at + 1]?.content.slice(0, asked.length) ?? [];
    assert.deepEqual(answered.map((part) => part['tool_use_id']).sort(), asked.sort());
  });
  for (const profile of profiles)
    validate(wireRequest(request, { profile, outputTokensMax: 1000, contextTokensMax: 8000 }));
}

describe('the conversation of any session', () => {
  test('alternates, answers every tool use first, and is accepted by the model at every request', () => {
    let requests = 0;
    const property = fc.property(fc.array(move, { maxLength: 40 }), fc.boolean(), (moves, askFirst) =>
      play(moves, askFirst, (session) => {
        requests += 1;
        checkSendable(session);
      }),
    );
    fc.assert(property, { numRuns: 300 });
    assert.ok(requests > 300, `only ${requests} requests were checked`);
  });
});

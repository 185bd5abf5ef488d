import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PureSession } from '../../../test/support/pure-session.ts';
import { customTool, message, pureSession, text, toolUse } from '../../../test/support/pure-session.ts';
import type { EventParams } from '../../protocol/event-params.ts';
import { Refusal } from '../../protocol/refusal.ts';
import type { Outcome, Phase } from './acceptance.ts';
import { acceptance, phaseOf } from './acceptance.ts';
import { archiveSession } from './lifecycle.ts';

/** A session in every phase, reached only through the rules themselves. */
const phases: Record<Phase, () => PureSession> = {
  idle: () => pureSession(),
  requires_action: () => waiting(),
  running: () => {
    const session = pureSession();
    session.send(message('hi'));
    session.advance();
    return session;
  },
  rescheduling: () => {
    const session = pureSession();
    session.send(message('hi'));
    session.advance();
    session.fail({ retryable: true });
    return session;
  },
  capped: () => {
    const session = pureSession([], {
      budget: { type: 'limit', max_list_cost: { amount: '1', currency: 'USD' } },
    });
    session.send(message('hi'));
    session.advance();
    session.decide((draft) =>
      draft.append({
        kind: 'replied',
        reply: {
          requestId: draft.state().round.openRequest ?? '',
          content: [text('dear')],
          calls: [],
          usage: {
            inputTokens: 1,
            outputTokens: 1,
            cacheReadInputTokens: 0,
            cacheCreation5mInputTokens: 0,
            cacheCreation1hInputTokens: 0,
            speed: null,
          },
          servedBy: 'scripted/test',
          stopReason: 'end_turn',
          costMicroCents: 2_000_000,
        },
      }),
    );
    session.advance();
    return session;
  },
  terminated: () => {
    const session = pureSession();
    session.decide(archiveSession);
    return session;
  },
};

function waiting(): PureSession {
  const session = pureSession([customTool]);
  session.send(message('hi'));
  session.advance();
  session.reply(toolUse('toolu_1', 'weather'));
  session.advance();
  return session;
}

const events: Record<EventParams['type'], EventParams> = {
  'user.message': message('again'),
  'user.interrupt': { type: 'user.interrupt' },
  'user.tool_confirmation': { type: 'user.tool_confirmation', tool_use_id: 'sevt_none', result: 'allow' },
  'user.custom_tool_result': { type: 'user.custom_tool_result', custom_tool_use_id: 'sevt_none' },
  'user.tool_result': { type: 'user.tool_result', tool_use_id: 'sevt_none' },
  'user.define_outcome': {
    type: 'user.define_outcome',
    description: 'x',
    rubric: { type: 'text', content: 'y' },
  },
  'system.message': { type: 'system.message', content: [{ type: 'text', text: 'x' }] },
};

/** What an outcome of the table means when the event is really sent. */
const expected: Record<Outcome, { refused: RegExp | null; status: string | null }> = {
  start: { refused: null, status: 'running' },
  queue: { refused: null, status: null },
  answer: { refused: /no tool use sevt_none is waiting/, status: null },
  interrupt: { refused: null, status: 'idle' },
  ignore: { refused: null, status: 'idle' },
  discard: { refused: null, status: 'idle' },
  refuse_waiting: { refused: /waiting for an answer to sevt_\d+/, status: null },
  refuse_capped: { refused: /reached its budget/, status: null },
  refuse_archived: { refused: /archived \(and read-only\)/, status: null },
  answer_of_worker: { refused: /only accepted from workers/, status: null },
  refuse_unsupported: { refused: /not supported/, status: null },
};

describe('status × event table', () => {
  for (const [phase, make] of Object.entries(phases) as [Phase, () => PureSession][]) {
    for (const [type, event] of Object.entries(events) as [EventParams['type'], EventParams][]) {
      const outcome = acceptance[phase][type];
      test(`${type} while ${phase}: ${outcome}`, () => {
        const session = make();
        const before = session.state();
        assert.equal(phaseOf(before, before.lastAtUs), phase);
        const { refused, status } = expected[outcome];
        if (refused) {
          assert.throws(
            () => session.send(event),
            (cause: unknown) => cause instanceof Refusal && refused.test(cause.message),
          );
          assert.equal(session.state(), before);
          return;
        }
        const [accepted] = session.send(event);
        assert.equal(accepted?.processed_at ?? null, null);
        assert.equal(session.state().status, status ?? before.status);
        if (outcome === 'discard') assert.equal(session.state(), before);
        if (outcome === 'queue') assert.equal(session.state().queue.at(-1)?.id, accepted?.id);
      });
    }
  }
});

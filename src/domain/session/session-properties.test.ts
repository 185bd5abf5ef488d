import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  checkAnswers,
  checkFlushes,
  checkInputs,
  checkLog,
  checkRests,
  delivered,
} from '../../../test/support/log-checks.ts';
import type { Life, Move, Said } from '../../../test/support/random-life.ts';
import { randomLife, replyBlocks, replyStops, updates } from '../../../test/support/random-life.ts';
import { isAtCap } from './budget.ts';
import { hasQueued, waitingCalls } from './state.ts';

const nth = fc.nat(4);
const isError = fc.boolean();
const said: fc.Arbitrary<Said> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('message' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('interrupt' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('system' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('confirm'), nth, result: fc.constantFrom('allow', 'deny') }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('answer'), nth, isError }) },
);
const kinds = ['overloaded', 'rate_limited', 'request_failed', 'billing', 'context_overflow'] as const;
const stop = fc.oneof(
  { weight: 5, arbitrary: fc.constant('end_turn' as const) },
  { weight: 1, arbitrary: fc.constantFrom(...replyStops) },
);
const blocks = fc.array(fc.constantFrom(...replyBlocks), { maxLength: 5 });
const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('send'),
      events: fc.array(said, { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 14, arbitrary: fc.record({ type: fc.constant('step') }) },
  { weight: 7, arbitrary: fc.record({ type: fc.constant('reply'), blocks, stop }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('fail'), kind: fc.constantFrom(...kinds) }) },
  { weight: 5, arbitrary: fc.record({ type: fc.constant('finish'), nth, isError }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('crash') }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('update'), change: fc.constantFrom(...updates) }) },
);
const moves = fc
  .tuple(fc.array(move, { maxLength: 60, size: 'max' }), fc.boolean())
  .map(([list, isArchived]) => (isArchived ? [...list, { type: 'archive' as const }] : list));
const contextTokensMax = fc.constantFrom(600, 200_000);

/** What is true of a session between any two commits. */
function checkMoment({ session }: Life): void {
  const state = session.state();
  const isResting = state.status === 'idle' || state.status === 'terminated';
  assert.equal(state.wakeAtUs === null, isResting, `woken when ${state.status}`);
  if (!isResting) return;
  const waiting = waitingCalls(state).map(({ eventId }) => eventId);
  const { openRequest, calls } = state.round;
  assert.equal(openRequest, null, 'no request is open at rest');
  assert.deepEqual(
    calls.filter(({ status }) => status === 'started'),
    [],
    'nothing runs at rest',
  );
  if (waiting.length > 0) {
    assert.deepEqual(state.stopReason, { type: 'requires_action', event_ids: waiting });
    return;
  }
  assert.ok(
    calls.every(({ status }) => status === 'done'),
    'a turn that ended has answered its calls',
  );
  if (hasQueued(state, 'user.message'))
    assert.ok(isAtCap(state, state.lastAtUs), 'a message waits for the cap only');
}

function checkEnd({ session, said, executed }: Life): void {
  const records = session.entries.map((entry, index) => ({ seq: index + 1, entry }));
  const state = session.state();
  checkLog(records, state);
  const events = delivered(records);
  checkRests(events);
  checkInputs(events);
  checkAnswers(events);
  checkFlushes(records);
  for (const [call, times] of executed) assert.ok(times === 1, `${call} ran ${times} times`);
  const heard = events.flatMap((event) =>
    event.type === 'user.message' ? [JSON.stringify(event.content)] : [],
  );
  assert.deepEqual(heard, said, 'every message is processed, once, in order');
  assert.deepEqual(
    state.queue.filter(({ type }) => type !== 'system.message'),
    [],
  );
}

describe('whatever the world does to a session', () => {
  test('its log stays whole: calls answered once, no input lost, statuses legal, the fold repeatable', () => {
    const seen = new Map<string, number>();
    const property = fc.property(moves, fc.boolean(), contextTokensMax, (list, isBudgeted, tokens) => {
      const life = randomLife({ isBudgeted, contextTokensMax: tokens });
      life.take({ type: 'send', events: [{ type: 'message' }] });
      for (const one of list) {
        life.take(one);
        checkMoment(life);
      }
      life.settle();
      checkEnd(life);
      for (const type of life.session.types()) seen.set(type, (seen.get(type) ?? 0) + 1);
    });
    fc.assert(property, { numRuns: 1_000 });
    // A world in which little happens proves little.
    for (const type of expected) assert.ok((seen.get(type) ?? 0) > 10, `${seen.get(type)} times ${type}`);
  });
});

const expected = [
  'agent.custom_tool_use',
  'agent.thread_context_compacted',
  'session.error',
  'session.status_rescheduled',
  'session.status_terminated',
  'session.updated',
  'user.custom_tool_result',
  'user.interrupt',
  'user.tool_confirmation',
];

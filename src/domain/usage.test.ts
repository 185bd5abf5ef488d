import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { message, pureSession, text, toolUse, usage } from '../../test/support/pure-session.ts';
import { microCentsPerWebSearch } from './limits.ts';
import type { Entry } from './session/entry.ts';
import { evolve } from './session/evolve.ts';
import type { SessionState } from './session/state.ts';
import type { UsageIncrement, UsageTotal } from './usage.ts';
import { bucketsOf, hourUs, usageIncrements } from './usage.ts';

/** The log committed entry by entry: what each commit adds. */
function incrementsOf(entries: readonly Entry[]): UsageIncrement[] {
  let state: SessionState | null = null;
  const increments: UsageIncrement[] = [];
  for (const [index, entry] of entries.entries()) {
    const record = { seq: index + 1, entry };
    const after: SessionState = evolve(state, record);
    if (state) increments.push(...usageIncrements(state, [record], after));
    state = after;
  }
  return increments;
}

const sum = (increments: readonly UsageIncrement[], of: keyof UsageIncrement) =>
  increments.reduce((total, increment) => total + Number(increment[of]), 0);

describe('what commits add to usage', () => {
  test('is in sum what the session shows: replies, summaries, time', () => {
    const session = pureSession();
    session.send(message('hello'));
    session.advance();
    session.reply(text('hi'));
    session.advance();
    session.send(message('more'));
    session.advance();
    session.compact(1, 'we said hello');
    session.advance();
    session.reply(text('done'));
    session.advance();
    const increments = incrementsOf(session.entries);
    const { usage, activity } = session.state();
    for (const count of ['inputTokens', 'outputTokens', 'cacheReadInputTokens', 'costMicroCents'] as const)
      assert.equal(sum(increments, count), usage[count], count);
    assert.equal(sum(increments, 'activeUs'), activity.activeUs);
    assert.equal(sum(increments, 'requests'), 3);
    assert.ok(usage.inputTokens > 0 && activity.activeUs > 0);
    assert.ok(increments.every((increment) => increment.hourUs % hourUs === 0));
  });

  test('counts each search of the web that did not fail, once, by whoever made it', () => {
    const session = pureSession();
    session.send(message('look it up'));
    session.advance();
    session.reply(toolUse('a', 'web_search', { query: 'ants' }), toolUse('b', 'web_search', { query: 'x' }));
    const step = session.advance();
    assert.ok(step.type === 'tools');
    const [first, second] = step.calls;
    session.result(first?.eventId ?? '');
    session.result(second?.eventId ?? '', { content: [], isError: true });
    session.advance();
    session.decide((draft) =>
      draft.append({
        kind: 'replied',
        reply: {
          requestId: '',
          content: [text('found')],
          calls: [],
          usage: { ...usage, webSearches: 2 },
          servedBy: 'claude-opus-5-5',
          stopReason: 'end_turn',
          costMicroCents: 7_000_000,
        },
      }),
    );
    const shown = session.state().usage;
    assert.equal(shown.webSearches, 3);
    const tokens = 1_000 + 7_000_000;
    assert.equal(shown.costMicroCents, tokens + microCentsPerWebSearch);
    assert.equal(sum(incrementsOf(session.entries), 'costMicroCents'), shown.costMicroCents);
  });

  test('is nothing when nobody was asked', () => {
    const session = pureSession();
    session.send(message('hello'));
    assert.deepEqual(incrementsOf(session.entries), []);
  });

  test('counts a reply without a list price, and no cost for it', () => {
    const session = pureSession();
    session.send(message('hello'));
    session.advance();
    session.reply(text('hi'));
    const priced = (costMicroCents: number | null) =>
      incrementsOf(
        session.entries.map((entry) =>
          entry.kind === 'replied' ? { ...entry, reply: { ...entry.reply, costMicroCents } } : entry,
        ),
      ).map(({ unpricedRequests, costMicroCents: cost }) => [unpricedRequests, cost]);
    assert.deepEqual(priced(null), [[1, 0]]);
    assert.deepEqual(priced(7), [[0, 7]]);
  });
});

describe('a report', () => {
  const query = {
    fromUs: 0,
    untilUs: 3 * hourUs,
    widthUs: hourUs,
    byWorkspace: false,
    byModel: false,
    workspaceIds: null,
    models: null,
  };
  const total = (bucket: number, changes: Partial<UsageTotal> = {}): UsageTotal => ({
    bucketUs: bucket * hourUs,
    workspaceId: null,
    model: null,
    requests: 1,
    unpricedRequests: 0,
    inputTokens: 1,
    outputTokens: 2,
    cacheReadInputTokens: 3,
    cacheCreation5mInputTokens: 4,
    cacheCreation1hInputTokens: 5,
    costMicroCents: 0,
    activeUs: 0,
    ...changes,
  });

  test('has every bucket, with the rows that fall into it', () => {
    const buckets = bucketsOf(query, [total(1, { model: 'a' }), total(1, { model: 'b' })]);
    assert.deepEqual(
      buckets.map(({ starting_at, ending_at, results }) => [
        starting_at.slice(11, 13),
        ending_at.slice(11, 13),
        results.map(({ model }) => model),
      ]),
      [
        ['00', '01', []],
        ['01', '02', ['a', 'b']],
        ['02', '03', []],
      ],
    );
  });

  const amounts: readonly (readonly [costMicroCents: number, activeUs: number, amount: string])[] = [
    [0, 0, '0'],
    [1, 0, '0.000001'],
    [1_000_000, 0, '1'],
    [1_500_000, 0, '1.5'],
    [123_456_789, 0, '123.456789'],
    // Eight cents an hour, rounded to a micro-cent.
    [0, hourUs, '8'],
    [0, 450, '0.000001'],
    [2_000_000, hourUs / 2, '6'],
  ];
  for (const [costMicroCents, activeUs, amount] of amounts) {
    test(`says exactly what it cost: ${amount} cents`, () => {
      const [bucket] = bucketsOf({ ...query, untilUs: hourUs }, [total(0, { costMicroCents, activeUs })]);
      assert.deepEqual(bucket?.results[0]?.list_cost, { amount, currency: 'USD' });
    });
  }
});

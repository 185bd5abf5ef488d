import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Clock } from '../../src/base/clock.ts';
import {
  missedEventWindowMs,
  tailBufferCharactersMax,
  tailBufferRecordsMax,
} from '../../src/domain/limits.ts';
import type { Entry } from '../../src/domain/session/entry.ts';
import type { Commit } from '../../src/domain/session/session-log.ts';
import type { Preview, Tail, TailItem, Tails } from '../../src/domain/tails.ts';
import type { PreviewEvent } from '../../src/protocol/events.ts';
import { fakeClock } from '../support/clock.ts';
import { message, pureSession } from '../support/pure-session.ts';

const { state } = pureSession();
const delayed: Entry = { kind: 'delayed', untilUs: 1 };
const accepted: Entry = {
  kind: 'accepted',
  event: { ...message('hello'), id: 'sevt_1', processed_at: null } as (Entry & { kind: 'accepted' })['event'],
};
const start: PreviewEvent = { type: 'event_start', event: { type: 'agent.message', id: 'sevt_2' } };
const preview = of(start);

function of(event: PreviewEvent, requestId = 'sevt_8'): Preview {
  return { preview: event, requestId, isSoFar: false };
}

function commitOf(sessionId: string, firstSeq: number, entries: readonly Entry[] = [delayed]): Commit {
  return {
    sessionId,
    records: entries.map((entry, index) => ({ seq: firstSeq + index, entry })),
    state: state(),
  };
}

/** Items up to the end of the iteration, records as their numbers. */
async function restOf(tail: AsyncIterable<TailItem>): Promise<(number | string)[]> {
  const seen: (number | string)[] = [];
  for await (const item of tail) seen.push(...shown(item));
  return seen;
}

function shown(item: TailItem): (number | string)[] {
  return item.type === 'records' ? item.records.map(({ seq }) => seq) : [item.type];
}

type MakeTails = (clock: Clock) => Tails;

/** What every implementation of live readers keeps to. */
export function tailsContract(make: MakeTails): void {
  describe('tails', () => {
    deliveryContract(make);
    overflowContract(make);
    underWayContract(make);
    missedContract(make);
  });
}

function deliveryContract(make: MakeTails): void {
  test('every reader of a session sees its commits and previews in order, no other session sees them', async () => {
    const tails = make(fakeClock());
    const [first, second, other] = [tails.attach('a'), tails.attach('a'), tails.attach('b')];
    tails.publish(commitOf('a', 1, [delayed, delayed]));
    tails.preview('a', preview);
    tails.publish(commitOf('a', 3));
    tails.close();
    assert.deepEqual(await restOf(first), [1, 2, 'preview', 3]);
    assert.deepEqual(await restOf(second), [1, 2, 'preview', 3]);
    assert.deepEqual(await restOf(other), []);
  });

  test('a reader sees what comes after it attached, and previews are kept for nobody', async () => {
    const tails = make(fakeClock());
    tails.publish(commitOf('a', 1));
    tails.preview('a', preview);
    const tail = tails.attach('a');
    tails.publish(commitOf('a', 2));
    tails.close();
    assert.deepEqual(await restOf(tail), [2]);
  });

  test('a waiting reader wakes for every item', async () => {
    const tails = make(fakeClock());
    const tail = tails.attach('a');
    const items = tail[Symbol.asyncIterator]();
    for (const seq of [1, 2, 3]) {
      const next = items.next();
      tails.publish(commitOf('a', seq));
      assert.deepEqual(shown((await next).value), [seq]);
    }
    tail.close();
  });

  for (const [who, end] of [
    ['the reader', (_: Tails, tail: Tail) => tail.close()],
    ['the server', (tails: Tails) => tails.close()],
  ] as const) {
    test(`a tail that ${who} closes gives what it has and ends, waiting or not`, async () => {
      const tails = make(fakeClock());
      const [full, waiting] = [tails.attach('a'), tails.attach('b')];
      tails.publish(commitOf('a', 1));
      const ended = restOf(waiting);
      end(tails, full);
      end(tails, waiting);
      end(tails, full);
      tails.publish(commitOf('a', 2));
      tails.publish(commitOf('b', 1));
      assert.deepEqual(await restOf(full), [1]);
      assert.deepEqual(await ended, []);
    });
  }

  test('closing one reader leaves the others', async () => {
    const tails = make(fakeClock());
    const [leaver, stayer] = [tails.attach('a'), tails.attach('a')];
    leaver.close();
    tails.publish(commitOf('a', 1));
    tails.close();
    assert.deepEqual(await restOf(stayer), [1]);
  });

  test('a tail attached after the end has ended', async () => {
    const tails = make(fakeClock());
    tails.close();
    assert.deepEqual(await restOf(tails.attach('a')), []);
  });
}

function overflowContract(make: MakeTails): void {
  const flood = (tails: Tails, firstSeq: number, count: number) => {
    for (let seq = firstSeq; seq < firstSeq + count; seq++) tails.publish(commitOf('a', seq));
  };

  test('a reader gets all that its buffer holds', async () => {
    const tails = make(fakeClock());
    const tail = tails.attach('a');
    flood(tails, 1, tailBufferRecordsMax);
    tails.close();
    assert.equal((await restOf(tail)).length, tailBufferRecordsMax);
  });

  test('a reader that never read gets one overflow and the end; a quick one beside it gets everything', async () => {
    const tails = make(fakeClock());
    const slow = tails.attach('a');
    const quick = tails.attach('a')[Symbol.asyncIterator]();
    for (let seq = 1; seq <= tailBufferRecordsMax + 2; seq++) {
      tails.publish(commitOf('a', seq));
      assert.deepEqual(shown((await quick.next()).value), [seq]);
    }
    assert.deepEqual(await restOf(slow), ['overflow']);
    tails.close();
  });

  test('a reader that falls behind while it reads is told so last', async () => {
    const tails = make(fakeClock());
    const items = tails.attach('a')[Symbol.asyncIterator]();
    flood(tails, 1, 2);
    await items.next();
    flood(tails, 3, tailBufferRecordsMax + 1);
    const seen = await restOf({ [Symbol.asyncIterator]: () => items });
    assert.deepEqual(seen, [2, 'overflow']);
  });
}

function underWayContract(make: MakeTails): void {
  const delta = (text: string, index = 0, event_id = 'sevt_2'): PreviewEvent => ({
    type: 'event_delta',
    event_id,
    delta: { type: 'content_delta', index, content: { type: 'text', text } },
  });
  const spanEnd = {
    kind: 'emitted',
    event: {
      type: 'span.model_request_end',
      id: 'sevt_9',
      processed_at: '2026-09-21T00:00:00.000000Z',
      model_request_start_id: 'sevt_8',
      is_error: false,
      model_usage: {
        input_tokens: 0,
        output_tokens: 0,
        cache_read_input_tokens: 0,
        cache_creation_input_tokens: 0,
      },
    },
  } as const;

  test('what was previewed of a reply under way is told joined, until the reply is over', () => {
    const tails = make(fakeClock());
    assert.equal(tails.underWay('a'), null);
    for (const one of [start, delta('He'), delta('llo'), delta('Bye', 1), delta('!', 1)])
      tails.preview('a', of(one));
    tails.publish(commitOf('a', 1));
    const told = tails.underWay('a');
    const previews = [start, delta('Hello'), delta('Bye!', 1)];
    assert.deepEqual(told, { requestId: 'sevt_8', previews });
    assert.equal(tails.underWay('b'), null);
    tails.preview('a', of(delta('?', 1)));
    assert.deepEqual(told, { requestId: 'sevt_8', previews }, 'what was told stays as it was');
    tails.publish(commitOf('a', 2, [delayed, spanEnd]));
    assert.equal(tails.underWay('a'), null);
  });

  test('of a session one reply is under way: the one before it, or one that nobody goes on with, is forgotten', () => {
    const tails = make(fakeClock());
    tails.preview('a', preview);
    tails.preview('a', of(delta('Anew'), 'sevt_10'));
    assert.deepEqual(tails.underWay('a'), { requestId: 'sevt_10', previews: [delta('Anew')] });
    tails.settle('a');
    assert.equal(tails.underWay('a'), null);
  });

  test('whether a reader wants previews is known while it is there', () => {
    const tails = make(fakeClock());
    const plain = tails.attach('a');
    assert.equal(tails.wantsPreviews('a'), false);
    const eager = tails.attach('a', { wantsPreviews: true });
    assert.deepEqual([tails.wantsPreviews('a'), tails.wantsPreviews('b')], [true, false]);
    eager.close();
    assert.equal(tails.wantsPreviews('a'), false);
    plain.close();
  });

  test('a reader whose buffer holds too much text is dropped; one large item alone is let through', async () => {
    const tails = make(fakeClock());
    const large = 'x'.repeat(tailBufferCharactersMax + 1);
    const one = tails.attach('a');
    tails.preview('a', of(delta(large)));
    one.close();
    assert.deepEqual(await restOf(one), ['preview']);
    const many = tails.attach('b');
    for (let at = 0; at < 3; at++) tails.preview('b', of(delta(large.slice(0, tailBufferCharactersMax / 2))));
    assert.deepEqual(await restOf(many), ['overflow']);
  });
}

function missedContract(make: MakeTails): void {
  const windowMs = missedEventWindowMs;
  /** Client events as [time, seq]; when the stream opens; where it starts. */
  const cases: readonly (readonly [string, (readonly [number, number])[], number, number | null])[] = [
    ['nothing was sent', [], 0, null],
    ['one event just now', [[0, 7]], 0, 6],
    ['one event at the edge of the window', [[0, 7]], windowMs, 6],
    ['one event too long ago', [[0, 7]], windowMs + 1, null],
    [
      'two events within the window',
      [
        [0, 7],
        [1, 9],
      ],
      windowMs,
      6,
    ],
    [
      'an old event and a recent one',
      [
        [0, 7],
        [windowMs, 9],
      ],
      windowMs + 1,
      8,
    ],
  ];
  for (const [name, sent, openedAtMs, expected] of cases) {
    test(`a stream starts before the oldest recent event that nobody saw: ${name}`, async () => {
      const clock = fakeClock(0);
      const tails = make(clock);
      const waitUntil = (ms: number) => clock.advance(ms - clock.nowUs() / 1000);
      for (const [atMs, seq] of sent) {
        waitUntil(atMs);
        tails.publish(commitOf('a', seq, [accepted]));
        tails.publish(commitOf('b', seq + 100, [delayed, accepted]));
      }
      waitUntil(openedAtMs);
      assert.equal(await tails.missedSince('a'), expected);
      assert.equal(await tails.missedSince('b'), expected === null ? null : expected + 101);
      assert.equal(await tails.missedSince('a'), null, 'the next stream is not the sender’s');
    });
  }

  test('an event that a reader saw is not missed, one after the reader left is', async () => {
    const tails = make(fakeClock());
    const tail = tails.attach('a');
    tails.publish(commitOf('a', 1, [accepted]));
    assert.equal(await tails.missedSince('a'), null);
    tail.close();
    tails.publish(commitOf('a', 2, [accepted]));
    assert.equal(await tails.missedSince('a'), 1);
  });

  test('what the server says is not waited for', async () => {
    const tails = make(fakeClock());
    tails.publish(commitOf('a', 1, [delayed]));
    assert.equal(await tails.missedSince('a'), null);
  });
}

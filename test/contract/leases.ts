import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { poisonTries } from '../../src/domain/limits.ts';
import { emitResult } from '../../src/domain/session/calls.ts';
import type { Draft } from '../../src/domain/session/draft.ts';
import { draftOf } from '../../src/domain/session/draft.ts';
import { recordFailure } from '../../src/domain/session/replies.ts';
import type { Lease } from '../../src/domain/session/session-log.ts';
import { StaleLease } from '../../src/domain/session/session-log.ts';
import type { SessionState } from '../../src/domain/session/state.ts';
import type { MakeStore, Subject } from './subject.ts';
import { answer, callTool, goOn, openSubject } from './subject.ts';

const ttlMs = 60_000;

/** What every implementation of leases keeps to, and how they fence the log. */
export function leasesContract(make: MakeStore): void {
  describe('leases', () => {
    claimContract(make);
    holdContract(make);
    fenceContract(make);
    lostContract(make);
    leaveContract(make);
  });
}

function leaveContract(make: MakeStore): void {
  test('who stops finds the sessions that it drove last and that want to run, and lets go of them one by one', async () => {
    await using it = await openSubject(make);
    await runnable(it, 'sesn_1', 'sesn_2', 'sesn_3');
    const leases = [await claimed(it), await claimed(it), await claimed(it, 'bob')];
    assert.deepEqual(await it.leases.waitingFor('ada'), [], 'they are driven');
    await it.leases.leave('sesn_1', 'ada');
    for (const lease of leases) await it.leases.release(lease);
    assert.deepEqual([...(await it.leases.waitingFor('ada'))].sort(), ['sesn_1', 'sesn_2']);
    await it.leases.leave('sesn_1', 'ada');
    await it.leases.leave('sesn_2', 'bob');
    assert.deepEqual(await it.leases.waitingFor('ada'), ['sesn_2'], 'each lets go of its own');
    assert.deepEqual(await it.leases.waitingFor('bob'), ['sesn_3']);
  });
}

/** Sessions that became runnable one second after the other. */
async function runnable(it: Subject, ...ids: string[]): Promise<void> {
  for (const id of ids) {
    await it.create({ id });
    it.clock.advance(1_000);
    await it.send(id, 'hello');
  }
}

async function claimed(it: Subject, owner = 'ada'): Promise<Lease> {
  const lease = await it.leases.claim(owner, ttlMs);
  assert.ok(lease, 'there is a session to claim');
  return lease;
}

const idOf = (lease: Lease | null) => lease?.sessionId;

function claimContract(make: MakeStore): void {
  test('who waits longest is claimed first, each session by one owner', async () => {
    await using it = await openSubject(make);
    await Promise.all(['sesn_1', 'sesn_2', 'sesn_3'].map((id) => it.create({ id })));
    for (const id of ['sesn_3', 'sesn_1', 'sesn_2']) {
      it.clock.advance(1_000);
      await it.send(id, 'hello');
    }
    const owners = ['ada', 'bob', 'cyd', 'dan'];
    const leases = await Promise.all(owners.map((owner) => it.leases.claim(owner, ttlMs)));
    assert.deepEqual(leases, [
      { sessionId: 'sesn_3', owner: 'ada', epoch: 1 },
      { sessionId: 'sesn_1', owner: 'bob', epoch: 1 },
      { sessionId: 'sesn_2', owner: 'cyd', epoch: 1 },
      null,
    ]);
  });

  test('a command that wakes a session takes its lease for who asks for it, and for nobody else', async () => {
    let asked = 0;
    const claimant = () =>
      ++asked === 2 ? null : { owner: 'ada', untilUs: Number.MAX_SAFE_INTEGER, begin: () => null };
    await using it = await openSubject(make, { claimant });
    for (const id of ['sesn_1', 'sesn_2', 'sesn_3']) await it.create({ id });
    assert.equal(asked, 0, 'an idle session wants nobody');
    for (const id of ['sesn_1', 'sesn_2', 'sesn_3']) await it.send(id, 'hello');
    const leases = it.commits.flatMap(({ lease }) => (lease ? [lease] : []));
    assert.deepEqual(leases, [
      { sessionId: 'sesn_1', owner: 'ada', epoch: 1 },
      { sessionId: 'sesn_3', owner: 'ada', epoch: 1 },
    ]);
    await it.send('sesn_1', 'more');
    assert.equal(asked, 3, 'it is awake already');
    it.clock.advance(1_000);
    assert.equal(idOf(await it.leases.claim('bob', ttlMs)), 'sesn_2');
    assert.equal(await it.leases.claim('bob', ttlMs), null, 'the others are held');
    await it.decide('sesn_1', goOn, leases[0]);
  });

  test('the commit that wakes a session begins its turn, unless that is left to the turn', async () => {
    let ids = 0;
    let begins = true;
    const begin = (state: SessionState) => {
      const draft = draftOf(state, { nowUs: state.lastAtUs, newId: (prefix) => `${prefix}_begun${++ids}` });
      const result = goOn(draft);
      return begins ? { entries: draft.entries(), result } : null;
    };
    const claimant = () => ({ owner: 'ada', untilUs: Number.MAX_SAFE_INTEGER, begin });
    await using it = await openSubject(make, { claimant });
    for (const id of ['sesn_1', 'sesn_2']) await it.create({ id });
    await it.send('sesn_1', 'hello');
    const { records, begun, state, lease } = it.commits.at(-1) ?? assert.fail();
    assert.deepEqual(records, (await it.records('sesn_1')).slice(1), 'the message and what came of it');
    assert.equal(begun?.step.type, 'request');
    assert.equal(begun?.state, state);
    assert.deepEqual(await it.log.state(state.id), state);
    await it.decide('sesn_1', answer, lease);
    begins = false;
    await it.send('sesn_2', 'hello');
    assert.equal(it.commits.at(-1)?.lease?.owner, 'ada');
    assert.equal(it.commits.at(-1)?.begun, undefined);
    await it.create({ id: 'sesn_3' }, ['hello']);
    begins = true;
    const born = await it.create({ id: 'sesn_4' }, ['hello']);
    assert.deepEqual(
      it.commits.at(-1)?.records,
      await it.records('sesn_4'),
      'so does the one that creates it',
    );
    assert.equal(born.round.openRequest, null, 'who created it is told what was created');
  });

  test('a session that is created awake is claimed at once', async () => {
    await using it = await openSubject(make, {
      claimant: () => ({ owner: 'ada', untilUs: Number.MAX_SAFE_INTEGER, begin: () => null }),
    });
    await it.create({}, ['hello']);
    it.clock.advance(1_000);
    assert.deepEqual(it.commits.at(-1)?.lease, { sessionId: 'sesn_1', owner: 'ada', epoch: 1 });
    assert.equal(await it.leases.claim('bob', ttlMs), null);
  });

  test('a running session is claimed although the clock was set back', async () => {
    await using it = await openSubject(make);
    await runnable(it, 'sesn_1');
    it.clock.advance(-3_600_000);
    assert.equal(idOf(await it.leases.claim('ada', ttlMs)), 'sesn_1');
  });

  test('so is one that waits for its retry', async () => {
    await using it = await openSubject(make);
    await runnable(it, 'sesn_1');
    await it.decide('sesn_1', goOn);
    const failure = { type: 'failure', kind: 'overloaded', message: 'no', retryAfterMs: null } as const;
    await it.decide('sesn_1', (draft) => recordFailure(draft, { ...failure, retryable: true }, 5_000));
    assert.equal(await it.leases.claim('ada', ttlMs), null);
    it.clock.advance(-24 * 3_600_000);
    assert.equal(idOf(await it.leases.claim('ada', ttlMs)), 'sesn_1');
  });

  test('an idle session is not claimed', async () => {
    await using it = await openSubject(make);
    await it.create();
    assert.equal(await it.leases.claim('ada', ttlMs), null);
    assert.equal(await it.leases.nextWakeUs(), null);
  });

  test('a session that waits for its retry is claimed when the time has come', async () => {
    await using it = await openSubject(make);
    await runnable(it, 'sesn_1');
    await it.decide('sesn_1', goOn);
    const failure = { type: 'failure', kind: 'overloaded', message: 'no', retryAfterMs: null } as const;
    await it.decide('sesn_1', (draft) => recordFailure(draft, { ...failure, retryable: true }, 5_000));
    assert.equal(await it.leases.nextWakeUs(), it.clock.nowUs() + 5_000_000);
    it.clock.advance(4_999);
    assert.equal(await it.leases.claim('ada', ttlMs), null);
    it.clock.advance(1);
    assert.equal(idOf(await it.leases.claim('ada', ttlMs)), 'sesn_1');
  });

  test('the next to wake is the one that waits longest and that nobody holds', async () => {
    await using it = await openSubject(make);
    await runnable(it, 'sesn_1', 'sesn_2');
    const wakes = [];
    for (const id of ['sesn_1', 'sesn_2']) wakes.push((await it.log.state(id))?.wakeAtUs);
    assert.equal(await it.leases.nextWakeUs(), wakes[0]);
    const lease = await claimed(it);
    assert.equal(await it.leases.nextWakeUs(), wakes[1]);
    await claimed(it, 'bob');
    assert.equal(await it.leases.nextWakeUs(), null);
    await it.leases.release(lease);
    assert.equal(await it.leases.nextWakeUs(), wakes[0]);
  });

  for (const [name, lose] of [
    ['was released', (it: Subject, lease: Lease) => it.leases.release(lease)],
    ['ran out', async (it: Subject) => it.clock.advance(ttlMs + 1)],
    ['is void', (it: Subject) => it.leases.voidAll()],
  ] as const) {
    test(`a lease that ${name} can be taken by anyone, with a higher epoch`, async () => {
      await using it = await openSubject(make);
      await runnable(it, 'sesn_1');
      for (const [index, owner] of ['ada', 'ada', 'bob'].entries()) {
        const lease = await claimed(it, owner);
        assert.deepEqual(lease, { sessionId: 'sesn_1', owner, epoch: index + 1 });
        assert.equal(await it.leases.claim('cyd', ttlMs), null, 'while it is live');
        await lose(it, lease);
      }
    });
  }
}

function holdContract(make: MakeStore): void {
  test('a lease lasts as long as it was taken for, and longer when it is extended', async () => {
    await using it = await openSubject(make);
    await runnable(it, 'sesn_1');
    const lease = await claimed(it);
    it.clock.advance(ttlMs - 1);
    assert.equal(await it.leases.claim('bob', ttlMs), null);
    assert.equal(await it.leases.extend(lease, ttlMs), true);
    it.clock.advance(ttlMs - 1);
    assert.equal(await it.leases.claim('bob', ttlMs), null);
    it.clock.advance(2);
    assert.equal((await claimed(it, 'bob')).epoch, 2);
  });

  test('who lost a lease neither extends nor releases that of its new holder', async () => {
    await using it = await openSubject(make);
    await runnable(it, 'sesn_1');
    const lost = await claimed(it);
    it.clock.advance(ttlMs + 1);
    const lease = await claimed(it, 'ada');
    for (const stranger of [lost, { ...lease, owner: 'bob' }]) {
      assert.equal(await it.leases.extend(stranger, ttlMs * 10), false);
      await it.leases.release(stranger);
      assert.equal(await it.leases.claim('bob', ttlMs), null, 'it is still held');
    }
    assert.equal(await it.leases.extend(lease, ttlMs), true);
    it.clock.advance(ttlMs + 1);
    assert.equal((await claimed(it, 'bob')).epoch, 3, 'nobody made it longer');
  });

  test('a session that rests gives up its lease in the same commit', async () => {
    await using it = await openSubject(make);
    await runnable(it, 'sesn_1');
    const lease = await claimed(it);
    await it.decide('sesn_1', goOn, lease);
    assert.equal(await it.leases.extend(lease, ttlMs), true, 'it runs');
    const [, extended] = await Promise.all([
      it.decide('sesn_1', answer, lease),
      it.leases.extend(lease, ttlMs),
    ]);
    assert.equal(extended, false);
    it.clock.advance(1_000);
    await it.send('sesn_1', 'more');
    it.clock.advance(1);
    assert.deepEqual(await it.leases.claim('bob', ttlMs), { sessionId: 'sesn_1', owner: 'bob', epoch: 2 });
  });

  test('a session that goes on keeps its lease through what clients send', async () => {
    await using it = await openSubject(make);
    await runnable(it, 'sesn_1');
    const lease = await claimed(it);
    await it.decide('sesn_1', goOn, lease);
    await it.send('sesn_1', 'more');
    await it.decide('sesn_1', answer, lease);
    assert.equal((await it.log.state('sesn_1'))?.status, 'running');
    assert.equal(await it.leases.extend(lease, ttlMs), true);
  });
}

function fenceContract(make: MakeStore): void {
  const stale: readonly (readonly [string, (it: Subject, lease: Lease) => Promise<Lease>])[] = [
    ['of an earlier epoch', async (_, lease) => ({ ...lease, epoch: lease.epoch - 1 })],
    ['of a later epoch', async (_, lease) => ({ ...lease, epoch: lease.epoch + 1 })],
    ['of another owner', async (_, lease) => ({ ...lease, owner: 'bob' })],
    ['that was released', (it, lease) => it.leases.release(lease).then(() => lease)],
    ['that is void', (it, lease) => it.leases.voidAll().then(() => lease)],
    [
      'that another took after it ran out',
      async (it, lease) => {
        it.clock.advance(ttlMs + 1);
        await claimed(it, 'bob');
        return lease;
      },
    ],
    [
      'that its session gave up',
      async (it, lease) => {
        await it.decide('sesn_1', goOn, lease);
        await it.decide('sesn_1', answer, lease);
        await it.send('sesn_1', 'again');
        return lease;
      },
    ],
  ];
  for (const [name, lose] of stale) {
    test(`nothing is appended with a lease ${name}`, async () => {
      await using it = await openSubject(make);
      await runnable(it, 'sesn_1');
      const lost = await lose(it, await claimed(it));
      const before = await it.records('sesn_1');
      const heard = it.commits.length;
      await assert.rejects(it.decide('sesn_1', goOn, lost), StaleLease);
      const nothing = () => ({ entries: [], result: null });
      await assert.rejects(it.log.commit('sesn_1', nothing, lost), StaleLease);
      assert.deepEqual(await it.records('sesn_1'), before);
      assert.equal(it.commits.length, heard);
    });
  }

  test('a fence stops its own commit only', async () => {
    await using it = await openSubject(make);
    await runnable(it, 'sesn_1');
    const lease = await claimed(it);
    const [lost, kept] = await Promise.allSettled([
      it.decide('sesn_1', goOn, { ...lease, epoch: 0 }),
      it.decide('sesn_1', goOn, lease),
    ]);
    assert.deepEqual([lost.status, kept.status], ['rejected', 'fulfilled']);
    assert.ok((await it.log.state('sesn_1'))?.round.openRequest);
  });
}

/** What deaths of holders say about a session: the clock is used as a death, for it works on every engine. */
function lostContract(make: MakeStore): void {
  /** A stranger claims the session and is never heard of again. */
  async function dies(it: Subject): Promise<Lease> {
    const lease = await claimed(it, `mortal ${it.clock.nowUs()}`);
    it.clock.advance(ttlMs + 1);
    return lease;
  }

  test('a session that nobody survives is poison, and marked so once', async () => {
    await using it = await openSubject(make);
    await runnable(it, 'sesn_1');
    for (let death = 1; death <= poisonTries; death++) assert.equal((await dies(it)).isPoison, undefined);
    const last = await claimed(it);
    assert.equal(last.isPoison, true);
    await it.decide('sesn_1', goOn, last);
    await it.decide('sesn_1', answer, last);
    await it.send('sesn_1', 'again');
    it.clock.advance(1);
    assert.equal((await claimed(it)).isPoison, undefined, 'it came to rest');
  });

  test('leases that are void at the start count as deaths', async () => {
    await using it = await openSubject(make);
    await runnable(it, 'sesn_1');
    for (let death = 1; death <= poisonTries; death++) {
      assert.equal((await claimed(it)).isPoison, undefined);
      await it.leases.voidAll();
    }
    assert.equal((await claimed(it)).isPoison, true);
  });

  test('one that kills even those who end its turn is left alone', async () => {
    await using it = await openSubject(make);
    await runnable(it, 'sesn_1');
    for (let death = 1; death <= 2 * poisonTries; death++) {
      await claimed(it);
      await it.leases.voidAll();
    }
    assert.equal(await it.leases.claim('ada', ttlMs), null);
    assert.equal(await it.leases.nextWakeUs(), null);
  });

  const reprieves: readonly (readonly [string, (it: Subject, lease: Lease) => Promise<unknown>])[] = [
    ['releases it', (it, lease) => it.leases.release(lease)],
    [
      'sees a tool answer',
      async (it, lease) => {
        await it.decide('sesn_1', goOn, lease);
        await it.decide('sesn_1', callTool, lease);
        await it.decide('sesn_1', answerCalls, lease);
        await it.leases.voidAll();
      },
    ],
  ];
  for (const [name, live] of reprieves) {
    test(`a session is not to blame when its holder ${name}`, async () => {
      await using it = await openSubject(make);
      await runnable(it, 'sesn_1');
      for (let death = 1; death < poisonTries; death++) await dies(it);
      await live(it, await claimed(it));
      for (let death = 2; death < poisonTries; death++) await dies(it);
      assert.equal((await claimed(it, 'eve')).isPoison, undefined);
    });
  }

  test('nor when those who lost it turn out to be alive', async () => {
    await using it = await openSubject(make);
    await runnable(it, 'sesn_1');
    let asleep: Lease | null = null;
    for (let nap = 0; nap <= 2 * poisonTries; nap++) {
      const lease = await dies(it);
      assert.equal(lease.isPoison, undefined);
      if (asleep) await it.leases.release(asleep);
      asleep = lease;
    }
  });

  test('a reply, and a tool whose outcome died with its brain, are no reprieve', async () => {
    await using it = await openSubject(make);
    await runnable(it, 'sesn_1');
    for (let death = 1; death <= poisonTries; death++) {
      const lease = await claimed(it);
      await it.decide('sesn_1', goOn, lease);
      await it.decide('sesn_1', callTool, lease);
      await it.leases.voidAll();
    }
    assert.equal((await claimed(it)).isPoison, true);
  });

  test('suspects are driven one after the other, others beside them', async () => {
    await using it = await openSubject(make);
    await runnable(it, 'sesn_1', 'sesn_2');
    for (let death = 1; death < poisonTries; death++) {
      for (const owner of ['ada', 'bob']) await claimed(it, owner);
      await it.leases.voidAll();
    }
    await runnable(it, 'sesn_3');
    const suspect = await claimed(it);
    assert.equal(idOf(suspect), 'sesn_1');
    assert.equal(idOf(await it.leases.claim('ada', ttlMs)), 'sesn_3');
    assert.equal(await it.leases.claim('ada', ttlMs), null, 'sesn_2 waits for sesn_1');
    assert.equal(await it.leases.nextWakeUs(), null);
    await it.leases.voidAll();
    const names = [await claimed(it), await claimed(it)].map((lease) => [lease.sessionId, lease.isPoison]);
    assert.deepEqual(names, [
      ['sesn_1', true],
      ['sesn_3', undefined],
    ]);
    assert.equal(await it.leases.claim('ada', ttlMs), null, 'sesn_2 still waits');
    await it.decide('sesn_1', goOn);
    await it.decide('sesn_1', answer);
    assert.deepEqual(await it.leases.claim('ada', ttlMs), {
      sessionId: 'sesn_2',
      owner: 'ada',
      epoch: poisonTries,
    });
  });
}

function answerCalls(draft: Draft): void {
  for (const call of draft.state().round.calls)
    emitResult(draft, call, { content: [{ type: 'text', text: 'done' }], isError: false });
}

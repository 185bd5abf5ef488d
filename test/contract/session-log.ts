import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { foldPageRecords, groupCommitJobsMax } from '../../src/domain/limits.ts';
import type { Entry, LogRecord } from '../../src/domain/session/entry.ts';
import { archiveSession, createSession, deleteSession } from '../../src/domain/session/lifecycle.ts';
import type { SessionState } from '../../src/domain/session/state.ts';
import { summarize } from '../../src/domain/session/summarize.ts';
import { checkLog } from '../support/log-checks.ts';
import type { PureSession } from '../support/pure-session.ts';
import { message, pureSession, text, toolUse } from '../support/pure-session.ts';
import { sessionEventsContract } from './session-events.ts';
import type { MakeStore, Subject } from './subject.ts';
import { answer, birthOf, environment, goOn, openSubject, refusal } from './subject.ts';

const noMoment = { nowUs: 0, newId: (prefix: string) => prefix };
/** An entry of no consequence: every one moves the retry time. */
const delayed = (untilUs: number): Entry => ({ kind: 'delayed', untilUs });

/** What every session log keeps to, whatever engine is under it. */
export function sessionLogContract(make: MakeStore): void {
  describe('session log', () => {
    appendContract(make);
    failureContract(make);
    concurrencyContract(make);
    afterCommitContract(make);
    creationContract(make);
    removalContract(make);
    sessionEventsContract(make);
  });
}

/** A story with queued events, tools, an interrupt and an archive, as entries. */
function story(): PureSession {
  const pure = pureSession();
  pure.send(message('one'), message('two'));
  pure.advance();
  pure.reply(text('let me see'), toolUse('toolu_1', 'bash', { command: 'ls' }));
  const step = pure.advance();
  pure.send(message('three'));
  if (step.type === 'tools') for (const call of step.calls) pure.result(call.eventId);
  pure.advance();
  pure.reply(text('done'));
  pure.advance();
  pure.send(message('four'));
  pure.send({ type: 'user.interrupt' });
  pure.advance();
  pure.advance();
  pure.reply(text('done'));
  pure.advance();
  pure.decide(archiveSession);
  return pure;
}

async function replay(it: Subject, pure: PureSession, size: number): Promise<void> {
  const [created, ...rest] = pure.entries;
  assert.ok(created?.kind === 'created');
  await it.log.create([created]);
  for (let from = 0; from < rest.length; from += size) {
    await it.log.commit(pure.state().id, () => ({ entries: rest.slice(from, from + size), result: null }));
  }
}

function appendContract(make: MakeStore): void {
  for (const size of [1, 2, 5, 1_000]) {
    test(`seq has no gaps, records stay as they are and fold to the state: ${size} entries a commit`, async () => {
      await using it = await openSubject(make);
      const pure = story();
      await replay(it, pure, size);
      const records = await it.records('sesn_1');
      assert.deepEqual(
        records,
        pure.entries.map((entry, index): LogRecord => ({ seq: index + 1, entry })),
      );
      assert.deepEqual(await it.log.state('sesn_1'), pure.state());
      checkLog(records, pure.state());
    });
  }

  test('the session object in lists follows every commit', async () => {
    await using it = await openSubject(make);
    const { agent } = await it.create();
    const changes = { title: 'ants', metadata: { a: 'b' }, agent: { ...agent, system: 'dig' } };
    const [, ...entries] = story().entries;
    for (const entry of [{ kind: 'configured', changes } as const, ...entries]) {
      await it.log.commit('sesn_1', () => ({ entries: [entry], result: null }));
      const state = await it.log.state('sesn_1');
      assert.ok(state);
      const nowUs = state.lastAtUs + 5_000_000;
      assert.deepEqual(await it.collections.sessions.get('sesn_1', nowUs), summarize(state, nowUs));
    }
  });

  test('read gives a window of the log, in order', async () => {
    await using it = await openSubject(make);
    await replay(it, story(), 5);
    const records = await it.records('sesn_1');
    for (const [afterSeq, limit] of [
      [0, 1],
      [0, 3],
      [4, 3],
      [records.length - 1, 9],
      [records.length, 9],
    ] as const) {
      assert.deepEqual(
        await it.log.read('sesn_1', afterSeq, limit),
        records.slice(afterSeq, afterSeq + limit),
      );
    }
  });

  test('a log longer than a page of the fold gives the same state', async () => {
    await using it = await openSubject(make);
    await it.create();
    const entries = Array.from({ length: 2 * foldPageRecords + 1 }, (_, index) => delayed(index));
    await it.log.commit('sesn_1', () => ({ entries, result: null }));
    // With a cache of one session, the other one takes its place.
    await it.create({ id: 'sesn_2' });
    const state = await it.log.state('sesn_1');
    assert.deepEqual([state?.seq, state?.round.retryAtUs], [entries.length + 1, entries.length - 1]);
  });

  test('a session that is not there has no state and no records, and refuses commits', async () => {
    await using it = await openSubject(make);
    assert.equal(await it.log.state('sesn_0'), null);
    assert.deepEqual(await it.records('sesn_0'), []);
    await assert.rejects(it.send('sesn_0', 'hello'), refusal('not_found'));
    await assert.rejects(
      it.log.remove('sesn_0', () => ({ entries: [], result: null })),
      refusal('not_found'),
    );
    assert.deepEqual(it.commits, []);
  });
}

function failureContract(make: MakeStore): void {
  const failures: readonly (readonly [string, (state: SessionState) => readonly Entry[]])[] = [
    [
      'a decision that refuses',
      () => {
        throw new Error('no');
      },
    ],
    ['an entry that the fold does not accept', () => [delayed(1), consumed('sevt_nobody')]],
    ['an entry that cannot be stored', () => [delayed(1), unstorable]],
  ];
  for (const [name, decide] of failures) {
    test(`${name} leaves nothing and takes nothing else with it`, async () => {
      await using it = await openSubject(make);
      await it.create();
      const [before, failed, after] = await Promise.allSettled([
        it.send('sesn_1', 'before'),
        it.log.commit('sesn_1', (state) => ({ entries: decide(state), result: null })),
        it.send('sesn_1', 'after'),
      ]);
      assert.deepEqual([before.status, failed.status, after.status], ['fulfilled', 'rejected', 'fulfilled']);
      const state = await it.log.state('sesn_1');
      assert.ok(state);
      checkLog(await it.records('sesn_1'), state);
      assert.deepEqual(state.queue.map(said), ['before', 'after']);
      assert.equal(it.commits.length, 3, 'created, before, after');
    });
  }

  test('the caller gets the very error that the decision threw', async () => {
    await using it = await openSubject(make);
    await it.create();
    const failure = new Error('no');
    const decide = () => {
      throw failure;
    };
    await assert.rejects(it.log.commit('sesn_1', decide), (cause) => cause === failure);
    await assert.rejects(it.log.remove('sesn_1', decide), (cause) => cause === failure);
    assert.equal((await it.records('sesn_1')).length, 1);
  });

  test('a decision without entries answers and writes nothing', async () => {
    await using it = await openSubject(make);
    const created = await it.create();
    assert.equal(await it.log.commit('sesn_1', ({ seq }) => ({ entries: [], result: seq + 41 })), 42);
    assert.deepEqual(await it.log.state('sesn_1'), created);
    assert.equal((await it.records('sesn_1')).length, 1);
    assert.equal(it.commits.length, 1);
  });
}

const consumed = (eventId: string): Entry => ({
  kind: 'consumed',
  eventId,
  processedAt: '2027-01-01T00:00:00.000000Z',
});

const unstorable: Entry = {
  kind: 'emitted',
  event: {
    type: 'agent.tool_use',
    id: 'sevt_bad',
    name: 'bash',
    // JSON has no such number.
    input: { command: 1n },
    processed_at: '2027-01-01T00:00:00.000000Z',
  },
};

function said(event: SessionState['queue'][number]): unknown {
  if (event.type !== 'user.message') return event.type;
  return event.content.map((block) => (block.type === 'text' ? block.text : block.type)).join();
}

function concurrencyContract(make: MakeStore): void {
  test('commits at once on one session are done one after the other, each on the state before', async () => {
    await using it = await openSubject(make);
    await it.create();
    const count = groupCommitJobsMax * 2 + 1;
    const seen = await Promise.all(
      Array.from({ length: count }, () =>
        it.log.commit('sesn_1', (state) => ({ entries: [delayed(state.seq)], result: state })),
      ),
    );
    assert.deepEqual(
      seen.map(({ seq, round }) => [seq, round.retryAtUs]),
      seen.map((_, index) => [index + 1, index === 0 ? null : index]),
    );
    const state = await it.log.state('sesn_1');
    assert.ok(state);
    checkLog(await it.records('sesn_1'), state);
  });

  test('sessions do not see each other', async () => {
    await using it = await openSubject(make);
    const ids = ['sesn_1', 'sesn_2', 'sesn_3'];
    await Promise.all(ids.map((id) => it.create({ id })));
    await Promise.all([1, 2, 3, 4].flatMap((turn) => ids.map((id) => it.send(id, `${id} ${turn}`))));
    for (const id of ids) {
      const state = await it.log.state(id);
      assert.ok(state);
      checkLog(await it.records(id), state);
      assert.deepEqual(
        state.queue.map(said),
        [1, 2, 3, 4].map((turn) => `${id} ${turn}`),
      );
    }
  });
}

function afterCommitContract(make: MakeStore): void {
  test('listeners hear every commit once, whole, in the order of each session', async () => {
    await using it = await openSubject(make);
    const ids = ['sesn_1', 'sesn_2'];
    const both = (work: (id: string) => Promise<unknown>) => ids.map(work);
    await Promise.all([
      ...both((id) => it.create({ id })),
      ...both((id) => it.send(id, 'one', 'two')),
      ...both((id) => it.log.commit(id, () => ({ entries: [], result: null }))),
      ...both((id) => it.decide(id, goOn)),
      ...both((id) => it.decide(id, answer)),
    ]);
    for (const id of ids) {
      const commits = it.commits.filter(({ sessionId }) => sessionId === id);
      assert.equal(commits.length, 4, 'created, sent, asked, answered');
      assert.deepEqual(
        commits.flatMap(({ records }) => records),
        await it.records(id),
      );
      assert.deepEqual(
        commits.map(({ state }) => state.seq),
        commits.map(({ records }) => records.at(-1)?.seq),
      );
      assert.deepEqual(commits.at(-1)?.state, await it.log.state(id));
    }
  });

  test('a commit is heard when readers see it, before its caller goes on', async () => {
    const heard: { readonly records: unknown; readonly read: Promise<unknown> }[] = [];
    let log: Subject['log'] | null = null;
    await using it = await openSubject((options) =>
      make({
        ...options,
        afterCommit({ sessionId, records }) {
          const after = (records[0]?.seq ?? 0) - 1;
          if (log) heard.push({ records, read: log.read(sessionId, after, records.length) });
        },
      }),
    );
    log = it.log;
    await it.create();
    const counts = await Promise.all(
      ['one', 'two', 'three'].map((words) => it.send('sesn_1', words).then(() => heard.length)),
    );
    assert.equal(heard.length, 4);
    counts.forEach((count, index) => {
      assert.ok(count >= index + 2, `commit ${index + 1} was heard`);
    });
    for (const { records, read } of heard) assert.deepEqual(await read, records);
  });
}

function creationContract(make: MakeStore): void {
  test('creates nothing in an environment that is not there or is archived', async () => {
    await using it = await openSubject(make);
    const archived = environment({ id: 'env_2', name: 'old', archived_at: '2026-09-22T00:00:00.000000Z' });
    await it.collections.environments.insert(archived);
    await assert.rejects(
      it.create({ environmentId: 'env_0' }),
      refusal('not_found', 'environment_not_found'),
    );
    await assert.rejects(
      it.create({ environmentId: 'env_2' }),
      refusal('invalid_request', 'environment_archived'),
    );
    assert.equal(await it.log.state('sesn_1'), null);
    assert.deepEqual(await it.records('sesn_1'), []);
    assert.deepEqual(it.commits, []);
  });

  test('a session is born with its first entries, all or nothing', async () => {
    await using it = await openSubject(make);
    const [created, ...entries] = createSession(birthOf({}), [message('hello')], noMoment);
    await assert.rejects(it.log.create([created, unstorable]));
    assert.equal(await it.log.state('sesn_1'), null);
    const state = await it.log.create([created, ...entries]);
    assert.deepEqual([state.status, state.seq], ['running', entries.length + 1]);
    checkLog(await it.records('sesn_1'), state);
  });

  test('an id is born once', async () => {
    await using it = await openSubject(make);
    const first = await it.create({ title: 'first' });
    await assert.rejects(it.create({ title: 'second' }));
    assert.deepEqual(await it.log.state('sesn_1'), first);
    assert.equal(it.commits.length, 1);
  });
}

function removalContract(make: MakeStore): void {
  const remove = (it: Subject, id: string) =>
    it.log.remove(id, (state) => {
      const entries: Entry[] = [];
      const stamp = () => '2027-01-01T00:00:00.000000Z';
      const append = (entry: Entry) => entries.push(entry);
      deleteSession({ ...noMoment, state: () => state, entries: () => entries, append, stamp });
      return { entries, result: null };
    });
  const large = 'x'.repeat(100_000);

  test('nothing is left of a session that was removed; its last commit says so', async () => {
    await using it = await openSubject(make);
    await Promise.all(['sesn_1', 'sesn_2'].map((id) => it.create({ id })));
    const [eventId] = await it.send('sesn_1', large);
    assert.ok(eventId);
    await it.decide('sesn_1', goOn);
    await it.decide('sesn_1', answer);
    const { length } = await it.records('sesn_1');
    await remove(it, 'sesn_1');

    const last = it.commits.at(-1);
    assert.deepEqual(
      last?.records.map(({ seq, entry }) => [seq, entry.kind === 'emitted' && entry.event.type]),
      [[length + 1, 'session.deleted']],
    );
    assert.equal(await it.log.state('sesn_1'), null);
    assert.deepEqual(await it.records('sesn_1'), []);
    assert.equal(await it.log.accepted('sesn_1', eventId), null);
    assert.equal(await it.log.deliveredAt('sesn_1', eventId), null);
    assert.equal(await it.collections.sessions.get('sesn_1', 0), null);
    assert.ok(await it.collections.sessions.get('sesn_2', 0));
    assert.equal((await it.records('sesn_2')).length, 1);
  });

  test('a refused removal leaves the session', async () => {
    await using it = await openSubject(make);
    await it.create();
    await it.send('sesn_1', large);
    const before = await it.log.state('sesn_1');
    await assert.rejects(remove(it, 'sesn_1'), refusal('invalid_request'));
    assert.deepEqual(await it.log.state('sesn_1'), before);
    assert.ok(before);
    checkLog(await it.records('sesn_1'), before);
    assert.equal(it.commits.length, 2);
  });

  test('a commit that comes after a removal finds no session, even at the same time', async () => {
    await using it = await openSubject(make);
    await it.create();
    const [removed, sent] = await Promise.allSettled([remove(it, 'sesn_1'), it.send('sesn_1', 'too late')]);
    assert.equal(removed.status, 'fulfilled');
    assert.ok(sent.status === 'rejected' && refusal('not_found')(sent.reason));
    assert.equal(await it.log.state('sesn_1'), null);
  });
}

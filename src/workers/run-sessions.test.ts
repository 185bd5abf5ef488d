import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fakeClock } from '../../test/support/clock.ts';
import { message, pureSession } from '../../test/support/pure-session.ts';
import { silentLog } from '../base/log.ts';
import type { Lease } from '../domain/session/session-log.ts';
import { StaleLease } from '../domain/session/session-log.ts';
import type { Turn } from '../domain/turn.ts';
import { runSessions } from './run-sessions.ts';

type Watched = Turn & {
  readonly heard: string[];
  readonly end: PromiseWithResolvers<'released' | 'held'>;
};

function watchedTurn(): Watched {
  const heard: string[] = [];
  const end = Promise.withResolvers<'released' | 'held'>();
  return {
    heard,
    end,
    done: end.promise,
    notice: () => heard.push('notice'),
    leave: () => heard.push('leave'),
    stop: () => heard.push('stop'),
  };
}

describe('a session whose lease ran out while its turn was still here', () => {
  test('is driven by the new turn alone, which hears of what clients send', async (t) => {
    const turns: Watched[] = [];
    const sessions = runSessions({
      leases: {
        claim: async () => null,
        extend: async () => true,
        release: async () => {},
        nextWakeUs: async () => null,
        waitingFor: async () => [],
        leave: async () => {},
        voidAll: async () => {},
      },
      owner: 'me',
      begin: () => null,
      startTurn() {
        const turn = watchedTurn();
        turns.push(turn);
        return turn;
      },
      breakDown: async () => {},
      leaseMs: 60_000,
      clock: fakeClock(),
      log: silentLog,
    });
    t.after(async () => {
      for (const { end } of turns) end.resolve('released');
      await sessions.close(0);
    });
    const session = pureSession();
    session.send(message('go'));
    const commit = { sessionId: session.state().id, records: [], state: session.state() };
    const leaseOf = (epoch: number): Lease => ({ sessionId: commit.sessionId, owner: 'me', epoch });
    sessions.noticeCommit({ ...commit, lease: leaseOf(1) });
    sessions.noticeCommit({ ...commit, lease: leaseOf(2) });
    const [old, fresh] = turns;
    assert.deepEqual(old?.heard, ['stop'], 'two turns of a session never work side by side');

    old?.end.reject(new StaleLease(commit.sessionId));
    await new Promise((resolve) => setImmediate(resolve));
    const accepted = session.entries.find(({ kind }) => kind === 'accepted');
    assert.ok(accepted);
    sessions.noticeCommit({ ...commit, records: [{ seq: 2, entry: accepted }] });
    assert.deepEqual(fresh?.heard, ['notice']);
  });
});

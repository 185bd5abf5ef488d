import type { Clock } from '../base/clock.ts';
import type { SessionId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import { poisonTries, sessionsAtOnceMax, workerPollMs } from '../domain/limits.ts';
import type { Begun, Claim, Claimant, Commit, Lease, Leases } from '../domain/session/session-log.ts';
import { StaleLease } from '../domain/session/session-log.ts';
import type { SessionState } from '../domain/session/state.ts';
import type { Turn, TurnEnd } from '../domain/turn.ts';
import { Refusal } from '../protocol/refusal.ts';
import { startWorker } from './worker.ts';

export type RunSessionsOptions = {
  readonly leases: Leases;
  readonly owner: string;
  readonly startTurn: (lease: Lease, begun: Begun | null) => Turn;
  /** The first step of a turn as far as the log alone tells it. */
  readonly begin: Claim['begin'];
  /** The turn broke on a bug, or broke its brains: end it in the log, so that it cannot do so again at once. */
  readonly breakDown: (lease: Lease, why: 'bug' | 'poison') => Promise<void>;
  /** How long a lease holds that nobody extends. */
  readonly leaseMs: number;
  /** Where others may go on: lets go of a session that nobody drives, when this server stops. */
  readonly handOver?: (sessionId: SessionId) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
};

export type RunSessions = {
  /** Takes the leases of sessions that are woken while there is room for them. */
  readonly claimant: Claimant;
  /** Told after every commit: starts or wakes the turn that runs here, or wakes the claim loop. */
  noticeCommit(commit: Commit): void;
  /** Sessions whose turn runs here. */
  running(): readonly SessionId[];
  /** Tells the turn that runs here, if there is one, that its log grew elsewhere. */
  notice(state: SessionState): void;
  /** There may be a session to claim, perhaps this one. */
  poke(sessionId?: SessionId): void;
  /**
   * Stops claiming; turns get `graceMs` to come to rest, then are stopped and continue at the next start. Where others
   * may go on, they get it to end the step that they are at.
   */
  close(graceMs: number): Promise<void>;
};

type Job = { readonly lease: Lease; readonly begun: Begun | null };

/** Hop 5: claims runnable sessions and drives each to rest under a lease that is kept alive. */
export function runSessions({ leaseMs, ...options }: RunSessionsOptions): RunSessions {
  const turns = new Map<SessionId, Turn>();
  const handedOver = new Set<Promise<void>>();
  let closing = false;

  /** A session that came to rest is woken by a commit, which claims it or pokes. */
  async function run({ lease, begun }: Job): Promise<boolean> {
    if (!lease.isPoison) return (await drive(lease, begun)) === 'held';
    return await quarantine(lease);
  }

  async function drive(lease: Lease, begun: Begun | null): Promise<TurnEnd> {
    // A lease that ran out, perhaps while this machine slept, is claimed again by whoever is first: also by us.
    turns.get(lease.sessionId)?.stop();
    const turn = options.startTurn(lease, begun);
    turns.set(lease.sessionId, turn);
    const heartbeat = setInterval(() => void extend(lease, turn), leaseMs / 3);
    try {
      const end = await turn.done;
      if (end === 'held') await options.leases.release(lease);
      return end;
    } catch (cause) {
      await failed(lease, cause);
      return 'held';
    } finally {
      clearInterval(heartbeat);
      if (turns.get(lease.sessionId) === turn) turns.delete(lease.sessionId);
      if (closing) handOver(lease.sessionId);
    }
  }

  function handOver(sessionId: SessionId): void {
    if (!options.handOver || turns.has(sessionId)) return;
    const done: Promise<void> = options
      .handOver(sessionId)
      .catch((cause) => options.log.warn('session.not_handed_over', { sessionId, cause }))
      .finally(() => handedOver.delete(done));
    handedOver.add(done);
  }

  function poke(sessionId?: SessionId): void {
    if (closing && sessionId) handOver(sessionId);
    else worker.poke();
  }

  async function leaveAll(): Promise<void> {
    for (const turn of turns.values()) turn.leave();
    // Without the store they are taken over when this server is gone.
    const waiting = await options.leases.waitingFor(options.owner).catch(() => []);
    for (const sessionId of waiting) handOver(sessionId);
  }

  async function extend(lease: Lease, turn: Turn): Promise<void> {
    const alive = await options.leases.extend(lease, leaseMs).catch(() => false);
    if (!alive) turn.stop();
  }

  async function failed(lease: Lease, cause: unknown): Promise<void> {
    if (cause instanceof StaleLease) return await lost(lease);
    if (cause instanceof Refusal && cause.code === 'unavailable') return await giveBack(lease, cause);
    options.log.error('turn.broke', { sessionId: lease.sessionId, cause });
    await options.breakDown(lease, 'bug');
    await options.leases.release(lease);
  }

  /** Whoever has it now goes on. */
  async function lost(lease: Lease): Promise<void> {
    options.log.warn('turn.lease_lost', { sessionId: lease.sessionId });
    await options.leases.release(lease);
  }

  async function quarantine(lease: Lease): Promise<true> {
    options.log.error('session.quarantined', { sessionId: lease.sessionId, tries: poisonTries });
    await options.breakDown(lease, 'poison');
    await options.leases.release(lease);
    return true;
  }

  /** The store is away: nobody broke anything, and whoever claims the session next goes on from its log. */
  async function giveBack(lease: Lease, cause: unknown): Promise<void> {
    options.log.warn('turn.store_away', { sessionId: lease.sessionId, cause });
    const giveUpUs = options.clock.nowUs() + leaseMs * 1000;
    while (!closing && options.clock.nowUs() < giveUpUs) {
      const isDone = await options.leases.release(lease).then(
        () => true,
        () => false,
      );
      if (isDone) return;
      await options.clock.sleep(workerPollMs);
    }
  }

  async function claim(): Promise<Job | null> {
    const lease = await options.leases.claim(options.owner, leaseMs);
    return lease && { lease, begun: null };
  }

  const worker = startWorker({
    claim,
    run,
    nextDueUs: () => options.leases.nextWakeUs(),
    concurrencyMax: sessionsAtOnceMax,
    pollMs: workerPollMs,
    clock: options.clock,
    log: options.log,
  });

  return {
    claimant() {
      const { owner, clock, begin } = options;
      return worker.hasRoom() ? { owner, untilUs: clock.nowUs() + leaseMs * 1000, begin } : null;
    },
    noticeCommit({ sessionId, records, state, lease, begun = null }) {
      if (lease) {
        if (!worker.offer({ lease, begun })) void options.leases.release(lease);
        return;
      }
      const turn = turns.get(sessionId);
      // A turn knows its own appends; a client's are always `accepted` entries.
      const byClient = records.some(({ entry }) => entry.kind === 'accepted');
      if (turn && byClient) turn.notice(state);
      else if (!turn && state.wakeAtUs !== null) poke(sessionId);
    },
    running: () => [...turns.keys()],
    notice: (state) => turns.get(state.id)?.notice(state),
    poke,
    async close(graceMs) {
      closing = true;
      const grace = setTimeout(() => {
        for (const turn of turns.values()) turn.stop();
      }, graceMs);
      const left = options.handOver ? leaveAll() : null;
      await Promise.all([worker.close(), left]);
      clearTimeout(grace);
      while (handedOver.size > 0) await Promise.all(handedOver);
    },
  };
}

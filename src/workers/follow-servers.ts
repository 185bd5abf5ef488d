import type { Clock } from '../base/clock.ts';
import type { SessionId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { Hands } from '../domain/hands.ts';
import type { Hint, Message } from '../domain/hints.ts';
import { backstopMs } from '../domain/limits.ts';
import type { SessionLog } from '../domain/session/session-log.ts';
import type { Tails } from '../domain/tails.ts';
import type { RunSessions } from './run-sessions.ts';

export type FollowServersDeps = {
  readonly log: SessionLog;
  readonly tell: (message: Message) => boolean;
  readonly lastSeqs: (ids: readonly string[]) => Promise<ReadonlyMap<string, number>>;
  readonly tails: Tails;
  readonly sessions: Pick<RunSessions, 'running' | 'poke' | 'notice'>;
  readonly hands: Pick<Hands, 'release'>;
  /** Work was queued in an environment, perhaps. */
  readonly notifyQueue: (environmentId: string) => void;
  readonly clock: Clock;
  readonly logger: Log;
};

export type FollowServers = {
  heard(hint: Hint): void;
  /** Looks for everything that no hint told of. */
  missed(): void;
  close(): Promise<void>;
};

/** Does here what commits of other servers call for: their readers and turns may be ours. */
export function followServers(deps: FollowServersDeps): FollowServers {
  const { log, tails, sessions, hands, notifyQueue, clock, logger } = deps;
  const done = new AbortController();
  /** How far the logs of the sessions that run here went at the last look. */
  let seen: ReadonlyMap<SessionId, number | undefined> = new Map();

  async function follow(hint: Hint): Promise<void> {
    const { sessionId, from, to, accepted } = hint;
    if (accepted !== null) noteAccepted(hint, accepted);
    if (hint.farewell) return farewell(sessionId, hint.farewell);
    if (hint.isTerminated || hint.isDriven) void hands.release(sessionId, { discard: false });
    if (hint.queue !== null) notifyQueue(hint.queue);
    if (hint.wakes) sessions.poke(sessionId);
    if (tails.isWatched(sessionId)) {
      const records = await log.read(sessionId, from - 1, to - from + 1);
      tails.publish({ sessionId, records });
    }
    if (accepted !== null && sessions.running().includes(sessionId)) await notice(sessionId);
  }

  function noteAccepted({ sessionId, to, isHeard }: Hint, accepted: number): void {
    const isShown = tails.noteElsewhere(sessionId, { from: accepted, to, isHeard });
    if (isShown) deps.tell({ type: 'heard', sessionId, accepted });
  }

  function farewell(sessionId: string, records: NonNullable<Hint['farewell']>): void {
    tails.publish({ sessionId, records });
    void hands.release(sessionId, { discard: true });
  }

  /** Its turn learns of what clients sent elsewhere. */
  async function notice(sessionId: string): Promise<void> {
    const state = await log.state(sessionId);
    if (state) sessions.notice(state);
  }

  /** What no hint told of: logs that grew. Who died between its commit and its hint told nobody. */
  async function look(): Promise<void> {
    const watched = tails.watched();
    const running = sessions.running();
    if (watched.length + running.length === 0) return;
    const seqs = await deps.lastSeqs([...new Set([...watched, ...running])]);
    for (const id of watched) tails.grown(id, seqs.get(id) ?? null);
    const grown = running.filter((id) => seqs.get(id) !== seen.get(id));
    seen = new Map(running.map((id) => [id, seqs.get(id)]));
    for (const id of grown) await notice(id);
  }

  async function keepLooking(): Promise<void> {
    while (!done.signal.aborted) {
      await clock.sleep(backstopMs, done.signal).catch(() => undefined);
      if (!done.signal.aborted) await look().catch(away);
    }
  }

  /** The next look comes anyway. */
  function away(cause: unknown): void {
    logger.warn('servers.not_followed', { cause });
  }

  async function lookAtAll(): Promise<void> {
    sessions.poke();
    seen = new Map();
    await look();
  }

  const ended = keepLooking();
  return {
    heard: (hint) => void follow(hint).catch(away),
    missed: () => void lookAtAll().catch(away),
    async close() {
      done.abort();
      await ended;
    },
  };
}

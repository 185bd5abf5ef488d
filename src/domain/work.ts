import type { EnvironmentId, SessionId } from '../base/ids.ts';
import { formatUs } from '../base/timestamp.ts';
import { Refusal } from '../protocol/refusal.ts';
import type { Work, WorkHeartbeat, WorkState, WorkStats } from '../protocol/work.ts';
import { noHeartbeat } from '../protocol/work.ts';
import type { PageQuery } from './collections.ts';
import { workStartMsMax, workTtlSeconds } from './limits.ts';
import type { LogRecord } from './session/entry.ts';
import type { Positioned } from './session/session-log.ts';

/**
 * One session's need of a sandbox of its environment's workers. Times in microseconds.
 *
 *     queued ──ack──▶ starting ──heartbeat──▶ active ──stop──▶ stopping ──▶ stopped
 *       ▲                │ lease ends            │
 *       └────────────────┴───────────────────────┘        stop with force, from anywhere ──▶ stopped
 */
export type StoredWork = {
  readonly id: string;
  readonly environmentId: EnvironmentId;
  readonly sessionId: SessionId;
  readonly state: WorkState;
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAtUs: number;
  /** When a poll handed it out that was not acknowledged yet. */
  readonly claimedAtUs: number | null;
  readonly acknowledgedAtUs: number | null;
  readonly heartbeatAtUs: number | null;
  /** Of who acknowledged it; after it the item is anybody's. */
  readonly leaseUntilUs: number | null;
  readonly ttlSeconds: number | null;
  readonly stopRequestedAtUs: number | null;
  readonly stoppedAtUs: number | null;
};

/** Secrets of work items are told from keys by their beginning. */
export const itemSecretPrefix = 'sk-ant-req-';

export type Claim = {
  readonly nowUs: number;
  /** Items that were handed out before this and never acknowledged are handed out again. */
  readonly claimedBeforeUs: number;
  /** Of the token that the claimant gets; the one of an earlier claimant is void. */
  readonly secretHash: string;
  /** Comes before an item whose worker had begun to work is handed to another. May come more than once. */
  readonly abandon: (sessionId: SessionId) => Promise<void>;
};

/** Found below their environment only. */
export interface WorkItems {
  /** The oldest item that waits; it is still queued, but invisible for a while. */
  claim(environmentId: EnvironmentId, claim: Claim): Promise<StoredWork | null>;
  get(environmentId: EnvironmentId, id: string): Promise<StoredWork | null>;
  change(
    environmentId: EnvironmentId,
    id: string,
    rule: (current: StoredWork) => StoredWork,
  ): Promise<StoredWork | null>;
  page(environmentId: EnvironmentId, query: PageQuery): Promise<readonly Positioned<StoredWork>[]>;
  stats(environmentId: EnvironmentId, nowUs: number): Promise<Omit<WorkStats, 'type' | 'workers_polling'>>;
  /** A worker polled. */
  noteWorker(environmentId: EnvironmentId, worker: string, nowUs: number): Promise<void>;
  countWorkers(environmentId: EnvironmentId, sinceUs: number): Promise<number>;
}

/** Whether what happened to a session calls for a worker: it runs, or a client did something to it. */
export function needsWorker(records: readonly LogRecord[]): boolean {
  return records.some(
    ({ entry }) =>
      (entry.kind === 'accepted' && entry.event.type !== 'user.tool_result') ||
      (entry.kind === 'emitted' && entry.event.type === 'session.status_running'),
  );
}

/** The item as clients see it; `secret` is for who polled it. */
export function workOf(stored: StoredWork, nowUs: number, secret: string | null = null): Work {
  const now = asOf(stored, nowUs);
  const time = (atUs: number | null) => (atUs === null ? null : formatUs(atUs));
  return {
    id: now.id,
    type: 'work',
    environment_id: now.environmentId,
    data: { type: 'session', id: now.sessionId },
    state: now.state,
    secret,
    metadata: { ...now.metadata },
    created_at: formatUs(now.createdAtUs),
    acknowledged_at: time(now.acknowledgedAtUs),
    // Stamped when the item is queued, as the original does.
    started_at: formatUs(now.createdAtUs),
    latest_heartbeat_at: time(now.heartbeatAtUs),
    stop_requested_at: time(now.stopRequestedAtUs),
    stopped_at: time(now.stoppedAtUs),
  };
}

/** A lease that has ended changes the state without anybody's doing. */
export function asOf(stored: StoredWork, nowUs: number): StoredWork {
  const { leaseUntilUs, state } = stored;
  if (leaseUntilUs === null || leaseUntilUs > nowUs) return stored;
  if (state === 'stopping')
    return { ...stored, state: 'stopped', stoppedAtUs: leaseUntilUs, leaseUntilUs: null };
  if (state !== 'starting' && state !== 'active') return stored;
  const unclaimed = { claimedAtUs: null, acknowledgedAtUs: null, heartbeatAtUs: null, leaseUntilUs: null };
  return { ...stored, ...unclaimed, state: 'queued' };
}

/** Idempotent: who acknowledges again sees what there is. */
export function acknowledge(stored: StoredWork, nowUs: number): StoredWork {
  const now = asOf(stored, nowUs);
  if (now.state !== 'queued') return now;
  const leaseUntilUs = nowUs + workStartMsMax * 1000;
  return { ...now, state: 'starting', acknowledgedAtUs: nowUs, claimedAtUs: null, leaseUntilUs };
}

export type Heartbeat = {
  /** The last heartbeat that the worker knows of, or `NO_HEARTBEAT`; null: whatever there is. */
  readonly expected: string | null;
  readonly desiredTtlSeconds: number | null;
};

/** Refused with 412 when the lease is not the one that the worker thinks it holds. */
export function beat(
  stored: StoredWork,
  { expected, desiredTtlSeconds }: Heartbeat,
  nowUs: number,
): StoredWork {
  const now = asOf(stored, nowUs);
  if (now.state === 'stopping' || now.state === 'stopped') return now;
  const last = now.heartbeatAtUs === null ? noHeartbeat : formatUs(now.heartbeatAtUs);
  const isLost = now.state === 'queued' || expected !== last;
  if (expected !== null && isLost) throw lostLease(now);
  const ttlSeconds = Math.min(
    Math.max(desiredTtlSeconds ?? workTtlSeconds.default, workTtlSeconds.min),
    workTtlSeconds.max,
  );
  return {
    ...now,
    state: 'active',
    claimedAtUs: null,
    acknowledgedAtUs: now.acknowledgedAtUs ?? nowUs,
    heartbeatAtUs: Math.max(nowUs, (now.heartbeatAtUs ?? 0) + 1),
    leaseUntilUs: nowUs + ttlSeconds * 1_000_000,
    ttlSeconds,
  };
}

export function heartbeatOf({ state, heartbeatAtUs, ttlSeconds }: StoredWork): WorkHeartbeat {
  return {
    type: 'work_heartbeat',
    state,
    lease_extended: state === 'active',
    last_heartbeat: heartbeatAtUs === null ? '' : formatUs(heartbeatAtUs),
    ttl_seconds: ttlSeconds ?? workStartMsMax / 1000,
  };
}

function lostLease({ state, heartbeatAtUs, ttlSeconds }: StoredWork): Refusal {
  return new Refusal(
    'precondition',
    'The heartbeat precondition failed: the lease is not held by this worker',
    {
      errorCode: 'heartbeat_precondition_failed',
      details: {
        current_state: {
          state,
          last_heartbeat: heartbeatAtUs === null ? null : formatUs(heartbeatAtUs),
          ttl_seconds: ttlSeconds ?? workStartMsMax / 1000,
          lease_extended: false,
        },
      },
    },
  );
}

/** One that nobody has taken yet has nobody to wind it up. */
export function stop(stored: StoredWork, force: boolean, nowUs: number): StoredWork {
  const now = asOf(stored, nowUs);
  const isOver = now.state === 'stopped' || (now.state === 'stopping' && !force);
  if (isOver) return now;
  const stopRequestedAtUs = now.stopRequestedAtUs ?? nowUs;
  if (force || now.state === 'queued')
    return {
      ...now,
      state: 'stopped',
      stopRequestedAtUs,
      stoppedAtUs: nowUs,
      claimedAtUs: null,
      leaseUntilUs: null,
    };
  return { ...now, state: 'stopping', stopRequestedAtUs };
}

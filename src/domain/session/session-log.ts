import type { EventId, ResourceId, SessionId } from '../../base/ids.ts';
import type { DeploymentRun } from '../../protocol/deployment-runs.ts';
import type { EventType, SessionEvent } from '../../protocol/events.ts';
import type { PageQuery } from '../collections.ts';
import type { SessionFiles } from '../files.ts';
import type { Step } from './advance.ts';
import type { Entry, LogRecord } from './entry.ts';
import type { SessionState } from './state.ts';

/** Right to drive one session: `epoch` fences every append made with it. */
export type Lease = {
  readonly sessionId: SessionId;
  readonly owner: string;
  readonly epoch: number;
  /** Every brain that tried died of it (`poisonTries`): its turn is to be ended, not driven. */
  readonly isPoison?: true;
};

/** What a pure rule says to append, and what to answer its caller. No entries: nothing is written. */
export type Decision<T> = { readonly entries: readonly Entry[]; readonly result: T } & Beside;

/** What is kept beside the log and written in the same commit. */
export type Beside = {
  /** Tokens of repositories, sealed, until the session is archived. */
  readonly tokens?: SealedTokens;
  /** Comes with an entry that tells of it. */
  readonly files?: SessionFiles;
};
export type SealedTokens = Readonly<Record<ResourceId, string>>;

/** What one commit did, told to tails and workers after it is durable. */
export type Commit = {
  readonly sessionId: SessionId;
  readonly records: readonly LogRecord[];
  readonly state: SessionState;
  /** The lease that the claimant took with this commit: the session is its to run or to release. */
  readonly lease?: Lease;
  /** Comes with a lease: how its turn has begun already. */
  readonly begun?: Begun;
};

/** Where a turn stands, and what it does there. */
export type Begun = { readonly step: Step; readonly state: SessionState };

/**
 * Asked inside the commit of a command that wakes a session which nobody holds; `null` leaves it for `Leases.claim`.
 * Saves every turn a transaction, or two.
 */
export type Claimant = (state: SessionState) => Claim | null;

/** Sessions that a server drives: without sandboxes of its own, those that have one at a worker. */
export type DriveScope = 'all' | 'self_hosted';

export type Claim = {
  /** Who takes the lease along, and until when (microseconds). */
  readonly owner: string;
  readonly untilUs: number;
  /** The first step of the turn, appended in the same commit; `null` when more than the log is needed for it. */
  readonly begin: (state: SessionState) => Decision<Step> | null;
};

export type EventQuery = PageQuery & {
  readonly types: readonly EventType[] | null;
};

/**
 * The log of every session: append-only, `seq` from 1 without gaps per session.
 * One call of `commit` is one transaction: fold, decide, append, update the session row's cached
 * columns (status, summary, wake time) from the evolved state. Refusals thrown by `decide` change nothing.
 * `afterCommit` listeners run once the commit is durable, in commit order per session.
 */
export interface SessionLog {
  /**
   * Creates the row, appends the first entries and records the run that it comes from, all or nothing. Refuses an
   * environment or memory store that is absent or archived, and a run as `DeploymentRuns.insert` does.
   */
  create(
    entries: readonly [Entry & { kind: 'created' }, ...Entry[]],
    beside?: Beside & { readonly run?: DeploymentRun },
  ): Promise<SessionState>;
  /**
   * `decide` is pure and synchronous and sees the state under the session's lock.
   * With a lease the append is fenced: a stale epoch rejects with `StaleLease`.
   * Absent session: a `not_found` refusal.
   */
  commit<T>(id: SessionId, decide: (state: SessionState) => Decision<T>, lease?: Lease): Promise<T>;
  /** The fold of the log now, or `null` when there is no such session. */
  state(id: SessionId): Promise<SessionState | null>;
  /** Records in delivery order, `seq` greater than `afterSeq`. */
  read(id: SessionId, afterSeq: number, limit: number): Promise<readonly LogRecord[]>;
  /** Where an event was delivered to streams, or `null`: unknown, or still queued. */
  deliveredAt(id: SessionId, eventId: EventId): Promise<number | null>;
  /** A client's event as accepted (`processed_at` as it was then), or `null`. */
  accepted(id: SessionId, eventId: EventId): Promise<SessionEvent | null>;
  /** The API's list: by `processed_at`, queued events last. */
  events(id: SessionId, query: EventQuery): Promise<readonly Positioned<SessionEvent>[]>;
  /** Removes the session, its log and its files, if `decide` does not refuse. Its last commit carries `session.deleted`. */
  remove(id: SessionId, decide: (state: SessionState) => Decision<null>): Promise<void>;
}

/** A list item with the opaque-to-be position a cursor resumes from. */
export type Positioned<T> = { readonly item: T; readonly position: readonly [number, number | string] };

export class StaleLease extends Error {
  constructor(sessionId: SessionId) {
    super(`the lease on ${sessionId} is no longer ours`);
    this.name = 'StaleLease';
  }
}

/**
 * Claims on runnable sessions. A session is runnable when its wake time has come and no live lease holds it.
 * A lease whose holder died counts against its session until a brain gets anywhere with it: see `poisonTries`.
 */
export interface Leases {
  /** The next runnable session, or `null`. Takes the lease for `ttlMs`. */
  claim(owner: string, ttlMs: number): Promise<Lease | null>;
  /** Extends; `false` when the lease was lost. */
  extend(lease: Lease, ttlMs: number): Promise<boolean>;
  /** Also of a lease that was lost: its holder lives, so that the session is not blamed for its death. */
  release(lease: Lease): Promise<void>;
  /** Sessions that want to run and that nobody drives, which `owner` drove last: some of them. */
  waitingFor(owner: string): Promise<readonly SessionId[]>;
  /** Others need not leave the session to `owner` any longer, unless it drives it now. */
  leave(sessionId: SessionId, owner: string): Promise<void>;
  /** When the earliest waiting session wants to wake, in microseconds, or `null`. Suspects wait for each other. */
  nextWakeUs(): Promise<number | null>;
  /** Embedded start: the directory lock proves that we are alone, so no lease is live. */
  voidAll(): Promise<void>;
}

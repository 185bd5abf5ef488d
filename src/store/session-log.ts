import type { SessionId } from '../base/ids.ts';
import { formatUs } from '../base/timestamp.ts';
import { absentEnvironment, archivedEnvironment } from '../domain/environments.ts';
import { foldPageRecords } from '../domain/limits.ts';
import type { Entry } from '../domain/session/entry.ts';
import { evolve } from '../domain/session/evolve.ts';
import type {
  Claimant,
  Commit,
  Decision,
  EventQuery,
  Lease,
  Positioned,
  SessionLog,
} from '../domain/session/session-log.ts';
import { StaleLease } from '../domain/session/session-log.ts';
import type { SessionState } from '../domain/session/state.ts';
import type { SessionEvent } from '../protocol/events.ts';
import { Refusal } from '../protocol/refusal.ts';
import type { Bodies } from './bodies.ts';
import type { Contents } from './contents.ts';
import { insertRun } from './deployment-runs.ts';
import type { Engine, Sql, Tx } from './engines/engine.ts';
import { eventOf, microseconds, recordOf, rowOf } from './entry-rows.ts';
import type { FoldCache } from './fold-cache.ts';
import { createFoldCache } from './fold-cache.ts';
import type { Others } from './leases.ts';
import * as queries from './log-queries.ts';
import { contentsOfSession } from './session-files.ts';
import { attachStores, dropTokens, writeBeside } from './session-resources.ts';
import { queuedAtUs } from './tables.ts';
import { usageUpdates } from './usage.ts';
import { stopWork, workUpdates } from './work-queue.ts';

export type SessionLogDeps = {
  readonly engine: Engine;
  readonly bodies: Bodies;
  /** Called once per commit, when it is durable, in commit order. Must not throw. */
  readonly afterCommit: (commit: Commit) => void;
  /** Collects what the files of sessions leave behind. */
  readonly contents: Contents;
  readonly claimant?: Claimant;
  readonly folds?: FoldCache;
  readonly others?: Others;
};

/**
 * The session log over an engine; see the interface for its contract. In a workspace the sessions of others
 * are not there; without one every session is, but none can be created.
 */
export function createSessionLog(deps: SessionLogDeps, workspaceId: string | null): SessionLog {
  const { engine, bodies, contents, afterCommit, folds = createFoldCache() } = deps;

  async function commit<T>(
    id: SessionId,
    decide: (state: SessionState) => Decision<T>,
    lease?: Lease,
  ): Promise<T> {
    const { result, done } = await contents.writeBeside(id, async (tx, content) => {
      const { state: before, row } = await locked(tx, id, lease);
      const { entries, result: answer, ...beside } = decide(before);
      if (entries.length === 0) return { result: answer, done: null };
      const grown = grow(before, entries);
      const wakes = before.wakeAtUs === null && grown.state.wakeAtUs !== null;
      const { commit, held } = wakes ? claimed(grown, row, deps) : { commit: grown, held: null };
      await insertRecords(tx, bodies, commit);
      for (const update of updatesBeside(before, commit, held)) await tx.run(update);
      await writeBeside({ tx, content }, id, beside);
      return { result: answer, done: commit };
    });
    if (done) publish(done);
    return result;
  }

  async function locked(tx: Tx, id: SessionId, lease?: Lease): Promise<{ state: SessionState; row: Holder }> {
    const row = ofWorkspace(await tx.lock(queries.lock({ id })));
    if (!row) throw absent(id);
    if (lease && (row.lease_epoch !== lease.epoch || row.lease_owner !== lease.owner))
      throw new StaleLease(id);
    return { state: await foldTo(tx, id, row.last_seq), row };
  }

  async function own(sql: Sql, id: SessionId) {
    return ofWorkspace(await sql.all(queries.lock({ id })));
  }

  function ofWorkspace<Row extends { workspace_id: string }>([row]: readonly Row[]): Row | null {
    return row && (workspaceId === null || row.workspace_id === workspaceId) ? row : null;
  }

  /** The fold at `lastSeq`: from memory as far as it goes, the rest from the log. */
  async function foldTo(sql: Sql, id: SessionId, lastSeq: number): Promise<SessionState> {
    const known = folds.get(id);
    let state: SessionState | null = known && known.seq <= lastSeq ? known : null;
    while (state === null || state.seq < lastSeq) {
      const rows = await sql.all(
        queries.readAfter({ id, afterSeq: state?.seq ?? 0, limit: foldPageRecords }),
      );
      if (rows.length === 0) throw absent(id);
      for (const row of rows) state = evolve(state, recordOf(row, bodies));
    }
    return state;
  }

  function publish(done: Commit): void {
    folds.set(done.state);
    afterCommit(done);
  }

  return {
    commit,
    async create(entries, { run, ...beside } = {}) {
      if (workspaceId === null) throw new Error('a session is born in a workspace');
      const grown = grow(null, entries);
      const isAwake = grown.state.wakeAtUs !== null;
      const { commit: done, held } = isAwake ? claimed(grown, unborn, deps) : { commit: grown, held: null };
      await contents.writeBeside(done.sessionId, async (tx, content) => {
        await insertSession(tx, workspaceId, done, held);
        await writeBeside({ tx, content }, done.sessionId, beside);
        if (run) await insertRun(tx, workspaceId, run);
        await insertRecords(tx, bodies, done);
      });
      publish(done);
      return grown.state;
    },
    async state(id) {
      const row = await own(engine.read, id);
      if (!row) return null;
      const state = await foldTo(engine.read, id, row.last_seq);
      folds.set(state);
      return state;
    },
    async read(id, afterSeq, limit) {
      if (!(await own(engine.read, id))) return [];
      const rows = await engine.read.all(queries.readAfter({ id, afterSeq, limit }));
      return rows.map((row) => recordOf(row, bodies));
    },
    async deliveredAt(id, eventId) {
      if (!(await own(engine.read, id))) return null;
      const rows = await engine.read.all(queries.byEvent({ id, eventId }));
      const delivered = rows.find((row) => row.kind === 'consumed' || row.listed_at_us !== queuedAtUs);
      return (rows.find((row) => row.kind === 'consumed') ?? delivered)?.seq ?? null;
    },
    async accepted(id, eventId) {
      if (!(await own(engine.read, id))) return null;
      const rows = await engine.read.all(queries.byEvent({ id, eventId }));
      const row = rows.find(({ kind }) => kind === 'accepted');
      return row ? eventOf(row, bodies) : null;
    },
    events: async (id, query) =>
      (await own(engine.read, id)) ? await listEvents(engine.read, bodies, id, query) : [],
    remove: (id, decide) => removeSession({ ...deps, folds, locked }, id, decide),
  };
}

/** What a commit changes beside the log; last the sums of usage, for which other sessions wait until it is done. */
function updatesBeside(before: SessionState, { records, state }: Commit, held: queries.Held | null) {
  return [
    queries.updateSession(state, before, records, held),
    ...workUpdates(records, state),
    ...usageUpdates(before, records, state),
  ];
}

async function insertRecords(tx: Sql, bodies: Bodies, { sessionId: id, records }: Commit): Promise<void> {
  const rows = records.map((record) => rowOf(id, record, bodies));
  for (const insert of queries.insertEntries(rows)) await tx.run(insert);
  for (const { entry } of records) {
    if (entry.kind === 'archived') await dropTokens(tx, id);
    if (entry.kind !== 'consumed') continue;
    const processedAtUs = microseconds(entry.processedAt);
    await tx.run(queries.markConsumed({ id, eventId: entry.eventId, processedAtUs }));
  }
}

type Holder = Pick<queries.Held, 'lease_owner' | 'lease_epoch' | 'home'>;

const unborn: Holder = { lease_owner: null, lease_epoch: 0, home: null };

function grow(before: SessionState | null, entries: readonly Entry[]): Commit {
  const from = (before?.seq ?? 0) + 1;
  const records = entries.map((entry, index) => ({ seq: from + index, entry }));
  const state = records.reduce<SessionState | null>(evolve, before);
  if (state === null) throw new Error('a log begins with its created entry');
  return { sessionId: state.id, records, state };
}

type Claimed = { readonly commit: Commit; readonly held: queries.Held | null };

/** The commit with the lease, and with the first step of its turn, if somebody here takes it. */
function claimed(
  grown: Commit,
  row: Holder,
  { claimant = () => null, others = () => [] }: SessionLogDeps,
): Claimed {
  const claim = claimant(grown.state);
  if (!claim || row.lease_owner !== null || others().includes(row.home ?? ''))
    return { commit: grown, held: null };
  const { owner, untilUs, begin } = claim;
  const lease = { sessionId: grown.sessionId, owner, epoch: row.lease_epoch + 1 };
  const held = { lease_owner: owner, lease_epoch: lease.epoch, lease_until_us: untilUs, home: owner };
  const first = begin(grown.state);
  if (!first) return { commit: { ...grown, lease }, held };
  const { records, state } = grow(grown.state, first.entries);
  const begun = { step: first.result, state };
  return { commit: { ...grown, records: [...grown.records, ...records], state, lease, begun }, held };
}

type Removal = SessionLogDeps & {
  readonly folds: FoldCache;
  readonly locked: (tx: Tx, id: SessionId) => Promise<{ readonly state: SessionState }>;
};

async function removeSession(
  { bodies, contents, folds, afterCommit, locked }: Removal,
  id: SessionId,
  decide: (state: SessionState) => Decision<null>,
): Promise<void> {
  const commit = await contents.writeBeside(id, async (tx, content) => {
    const { state: before } = await locked(tx, id);
    const records = decide(before).entries.map((entry, index) => ({ seq: before.seq + 1 + index, entry }));
    const named = await contentsOfSession(tx, id);
    await tx.run(queries.deleteSession(id));
    await tx.run(stopWork(id, before.lastAtUs));
    await content.release(named);
    return { sessionId: id, records, state: records.reduce(evolve, before) };
  });
  folds.drop(id);
  bodies.discard(id);
  afterCommit(commit);
}

async function listEvents(
  sql: Sql,
  bodies: Bodies,
  id: SessionId,
  query: EventQuery,
): Promise<Positioned<SessionEvent>[]> {
  const asked = queries.listed(id, query);
  const rows = asked ? await sql.all(asked) : [];
  let processedUntilUs = query.after?.[0] ?? 0;
  return rows.map((row) => {
    const at = row.listed_at_us ?? queuedAtUs;
    if (at !== queuedAtUs) processedUntilUs = at;
    const isTail = at === queuedAtUs && query.order === 'asc';
    const event = eventOf(row, bodies);
    // Only client events are ever queued; the spread loses that the union member stays the same.
    const item =
      row.kind === 'accepted' && at !== queuedAtUs
        ? ({ ...event, processed_at: formatUs(at) } as SessionEvent)
        : event;
    return { item, position: isTail ? queries.queuedPosition(processedUntilUs, row.seq) : [at, row.seq] };
  });
}

async function insertSession(
  tx: Sql,
  workspaceId: string,
  { state, records }: Commit,
  held: queries.Held | null,
): Promise<void> {
  await requireEnvironment(tx, workspaceId, state.environmentId);
  await tx.run(queries.insertSession(workspaceId, state, held));
  await attachStores(tx, workspaceId, state);
  for (const update of workUpdates(records, state)) await tx.run(update);
}

async function requireEnvironment(tx: Sql, workspaceId: string, id: string): Promise<void> {
  const [row] = await tx.all(queries.environment(workspaceId, id));
  if (!row) throw absentEnvironment(id);
  if (row.archived_at_us !== null) throw archivedEnvironment(id);
}

function absent(id: SessionId): Refusal {
  return new Refusal('not_found', `Session not found: ${id}`);
}

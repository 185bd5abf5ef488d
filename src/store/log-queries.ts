import type { CompiledQuery } from 'kysely';
import type { LogRecord } from '../domain/session/entry.ts';
import { getsAnywhere } from '../domain/session/progress.ts';
import type { EventQuery } from '../domain/session/session-log.ts';
import type { SessionState } from '../domain/session/state.ts';
import { summaryOf } from '../domain/session/summarize.ts';
import { merged } from './keyset.ts';
import { prepare } from './prepare.ts';
import type { EntryRow, SessionRow } from './tables.ts';
import { build, queuedAtUs } from './tables.ts';

/** The queries of the session log, compiled; parameters are bound by position. */

export const lock = prepare(({ id }: { id: string }) =>
  build
    .selectFrom('sessions')
    .select(['workspace_id', 'last_seq', 'lease_owner', 'lease_epoch', 'home'])
    .where('id', '=', id)
    .compile(),
);

export const readAfter = prepare(({ id, afterSeq, limit }: { id: string; afterSeq: number; limit: number }) =>
  build
    .selectFrom('entries')
    .selectAll()
    .where('session_id', '=', id)
    .where('seq', '>', afterSeq)
    .orderBy('seq')
    .limit(limit)
    .compile(),
);

export const insertEntry = prepare((row: EntryRow) =>
  build
    .insertInto('entries')
    .values({
      session_id: row.session_id,
      seq: row.seq,
      kind: row.kind,
      event_id: row.event_id,
      event_type: row.event_type,
      listed_at_us: row.listed_at_us,
      body: row.body,
    })
    .compile(),
);

export const markConsumed = prepare((at: { id: string; eventId: string; processedAtUs: number }) =>
  build
    .updateTable('entries')
    .set({ listed_at_us: at.processedAtUs })
    .where('session_id', '=', at.id)
    .where('event_id', '=', at.eventId)
    .where('kind', '=', 'accepted')
    .compile(),
);

export const byEvent = prepare(({ id, eventId }: { id: string; eventId: string }) =>
  build
    .selectFrom('entries')
    .selectAll()
    .where('session_id', '=', id)
    .where('event_id', '=', eventId)
    .orderBy('seq')
    .compile(),
);

/** `null`: nothing to look for. */
export function listed(id: string, query: EventQuery) {
  const parts = ofTypes(id, query.types);
  const window = { ...query, createdAt: processedOnly(query.createdAt) };
  const queue = query.after === null ? null : queuePosition(query.after);
  if (queue === null) return merged(parts, ['listed_at_us', 'seq'], window);
  const since = parts.map((part) =>
    part.where((where) => where.or([where('listed_at_us', '<', queuedAtUs), where('seq', '>', queue.seq)])),
  );
  const after = [queue.atUs, Number.MAX_SAFE_INTEGER] as const;
  return merged(since, ['listed_at_us', 'seq'], { ...window, after });
}

/** Each part is one stretch of an index: the listed events of one type, or all. */
function ofTypes(id: string, types: EventQuery['types']) {
  const all = build
    .selectFrom('entries')
    .selectAll()
    .where('session_id', '=', id)
    .where('listed_at_us', 'is not', null);
  return types === null ? [all] : [...new Set(types)].map((type) => all.where('event_type', '=', type));
}

/** A queued event has no time yet, so no time filter matches it. */
function processedOnly(bounds: EventQuery['createdAt']): EventQuery['createdAt'] {
  const isOpen = bounds.lt === undefined && bounds.lte === undefined;
  return isOpen && Object.keys(bounds).length > 0 ? { ...bounds, lt: queuedAtUs } : bounds;
}

type Position = readonly [number, number | string];

/**
 * Where a page that ends among queued events leaves off: events that were processed since are behind it,
 * although they stand before the queue by then; and of the queue what came later.
 */
export function queuedPosition(processedUntilUs: number, seq: number): Position {
  return [processedUntilUs, `queued ${seq}`];
}

function queuePosition([atUs, tie]: Position): { readonly atUs: number; readonly seq: number } | null {
  const seq = typeof tie === 'string' ? /^queued (\d{1,15})$/.exec(tie)?.[1] : undefined;
  return seq === undefined ? null : { atUs, seq: Number(seq) };
}

export function environment(workspaceId: string, id: string) {
  return build
    .selectFrom('environments')
    .select('archived_at_us')
    .where('id', '=', id)
    .where('workspace_id', '=', workspaceId)
    .compile();
}

export function insertSession(workspaceId: string, state: SessionState) {
  return build
    .insertInto('sessions')
    .values({
      id: state.id,
      workspace_id: workspaceId,
      created_at_us: state.createdAtUs,
      agent_id: state.agentId,
      agent_version: state.agentVersion,
      environment_id: state.environmentId,
      status: state.status,
      archived_at_us: state.archivedAtUs,
      deployment_id: state.deploymentId,
      agent: JSON.stringify(state.agent),
      resources: JSON.stringify(state.resources),
      ...cached(state),
      lease_owner: null,
      lease_epoch: 0,
      lease_until_us: null,
      home: null,
      lost_brains: 0,
      self_hosted: Number(state.selfHosted),
    })
    .compile();
}

/** The cached columns follow the fold; a session that came to rest gives up its lease in the same commit. */
export function updateSession(
  state: SessionState,
  before: SessionState,
  records: readonly LogRecord[],
): CompiledQuery<unknown>[] {
  const { id } = state;
  const { wake_at_us, ...row } = cached(state);
  const update = getsAnywhere(records) ? updateCachedAndClear : updateCached;
  const updates: CompiledQuery<unknown>[] = [update({ id, ...row })];
  if (state.wakeAtUs !== before.wakeAtUs) updates.push(updateWake({ id, wake_at_us }));
  if (state.status !== before.status) updates.push(updateStatus({ id, status: state.status }));
  if (state.archivedAtUs !== before.archivedAtUs)
    updates.push(updateArchived({ id, archived_at_us: state.archivedAtUs }));
  if (state.agent !== before.agent) updates.push(updateAgent({ id, agent: JSON.stringify(state.agent) }));
  if (state.resources !== before.resources) {
    updates.push(updateResources({ id, resources: JSON.stringify(state.resources) }));
  }
  if (state.wakeAtUs === null) updates.push(giveUpLease({ id }));
  return updates;
}

type Cached = Omit<ReturnType<typeof cached>, 'wake_at_us'>;

const updateCached = prepare((row: Cached & { id: string }) =>
  build
    .updateTable('sessions')
    .set({ last_seq: row.last_seq, summary: row.summary })
    .where('id', '=', row.id)
    .compile(),
);

/** The same, and the brains that were lost before are no longer held against the session. */
const updateCachedAndClear = prepare((row: Cached & { id: string }) =>
  build
    .updateTable('sessions')
    .set({ last_seq: row.last_seq, summary: row.summary, lost_brains: 0 })
    .where('id', '=', row.id)
    .compile(),
);

const updateWake = prepare((row: Pick<SessionRow, 'id' | 'wake_at_us'>) =>
  build.updateTable('sessions').set({ wake_at_us: row.wake_at_us }).where('id', '=', row.id).compile(),
);

/** Each apart from the rest: the indexes of sessions that hold a column are written anew whenever it is set. */
const updateStatus = prepare(({ id, status }: Pick<SessionRow, 'id' | 'status'>) =>
  build.updateTable('sessions').set({ status }).where('id', '=', id).compile(),
);

const updateArchived = prepare((row: Pick<SessionRow, 'id' | 'archived_at_us'>) =>
  build
    .updateTable('sessions')
    .set({ archived_at_us: row.archived_at_us })
    .where('id', '=', row.id)
    .compile(),
);

const updateAgent = prepare(({ id, agent }: { id: string; agent: string }) =>
  build.updateTable('sessions').set({ agent }).where('id', '=', id).compile(),
);

const updateResources = prepare(({ id, resources }: { id: string; resources: string }) =>
  build.updateTable('sessions').set({ resources }).where('id', '=', id).compile(),
);

const giveUpLease = prepare(({ id }: { id: string }) =>
  build
    .updateTable('sessions')
    .set({ lease_owner: null, lease_until_us: null, lost_brains: 0 })
    .where('id', '=', id)
    .where('lease_owner', 'is not', null)
    .compile(),
);

function cached(state: SessionState) {
  const summary = summaryOf(state);
  const { agent: _agent, resources: _resources, ...session } = summary.session;
  return {
    last_seq: state.seq,
    summary: JSON.stringify({ ...summary, session }),
    wake_at_us: state.wakeAtUs,
  };
}

export function deleteSession(id: string) {
  return build.deleteFrom('sessions').where('id', '=', id).compile();
}

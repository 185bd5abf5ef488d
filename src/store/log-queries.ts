import type { CompiledQuery } from 'kysely';
import type { LogRecord } from '../domain/session/entry.ts';
import { getsAnywhere } from '../domain/session/progress.ts';
import type { EventQuery } from '../domain/session/session-log.ts';
import type { SessionState } from '../domain/session/state.ts';
import { summaryOf } from '../domain/session/summarize.ts';
import { merged } from './keyset.ts';
import { kept, prepare } from './prepare.ts';
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

const entryColumns = [
  'session_id',
  'seq',
  'kind',
  'event_id',
  'event_type',
  'listed_at_us',
  'body',
] as const satisfies readonly (keyof EntryRow)[];

/** As few statements as rows fit into: to PostgreSQL each is a message there and back. */
export function insertEntries(rows: readonly EntryRow[]): CompiledQuery<unknown>[] {
  return Array.from({ length: Math.ceil(rows.length / rowsPerInsertMax) }, (_, part) => {
    const some = rows.slice(part * rowsPerInsertMax, (part + 1) * rowsPerInsertMax);
    const parameters = some.flatMap((row) => entryColumns.map((column) => row[column]));
    return { ...insertOf(some.length), parameters };
  });
}

const rowsPerInsertMax = 16;

/** With a place for each column of each row, in their order. */
const insertOf = kept((length: number) => {
  // What they hold is not looked at.
  const row = Object.fromEntries(entryColumns.map((column) => [column, ''])) as unknown as EntryRow;
  const { sql, query, queryId } = build
    .insertInto('entries')
    .values(Array.from({ length }, () => row))
    .compile();
  return { sql, query, queryId };
});

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

/** Client events by the time that their ids tell. */
export const acceptedBetween = prepare(
  ({ id, from, before, limit }: { id: string; from: string; before: string; limit: number }) =>
    build
      .selectFrom('entries')
      .select('seq')
      .where('session_id', '=', id)
      .where('event_id', '>=', from)
      .where('event_id', '<', before)
      .where('kind', '=', 'accepted')
      .orderBy('event_id')
      .limit(limit)
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

/** Who drives a session: the columns that say so, or none of them. */
export type Held = Pick<SessionRow, 'lease_owner' | 'lease_epoch' | 'lease_until_us' | 'home'>;

export function insertSession(workspaceId: string, state: SessionState, held: Held | null) {
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
      ...(held ?? { lease_owner: null, lease_epoch: 0, lease_until_us: null, home: null }),
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
  held: Held | null,
): CompiledQuery<unknown> {
  const isAtRest = state.wakeAtUs === null;
  const { wake_at_us, ...row } = cached(state);
  return updateColumns(state.id, {
    ...row,
    ...(state.wakeAtUs !== before.wakeAtUs && { wake_at_us }),
    ...(state.status !== before.status && { status: state.status }),
    ...(state.archivedAtUs !== before.archivedAtUs && { archived_at_us: state.archivedAtUs }),
    ...(state.agent !== before.agent && { agent: JSON.stringify(state.agent) }),
    ...(state.resources !== before.resources && { resources: JSON.stringify(state.resources) }),
    // Brains that were lost before are no longer held against the session.
    ...((isAtRest || getsAnywhere(records)) && { lost_brains: 0 }),
    ...(isAtRest && { lease_owner: null, lease_until_us: null }),
    ...held,
  });
}

/** Only what changed is set: the indexes that hold a column are written anew whenever it is. */
function updateColumns(id: string, changes: Partial<SessionRow>): CompiledQuery<unknown> {
  return updateOf(Object.keys(changes).join(' '))({ ...changes, id });
}

const updateOf = kept((names: string) =>
  prepare((row: Partial<SessionRow> & Pick<SessionRow, 'id'>) => {
    const changes = Object.fromEntries(names.split(' ').map((name) => [name, row[name as keyof SessionRow]]));
    return build.updateTable('sessions').set(changes).where('id', '=', row.id).compile();
  }),
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

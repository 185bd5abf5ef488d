import type { EventQuery } from '../domain/session/session-log.ts';
import type { SessionState } from '../domain/session/state.ts';
import { summaryOf } from '../domain/session/summarize.ts';
import { microseconds } from './entry-rows.ts';
import { keyset } from './keyset.ts';
import type { EntryRow } from './tables.ts';
import { build, queuedAtUs } from './tables.ts';

/** The queries of the session log, compiled; parameters are bound by position. */

export function lock(id: string) {
  return build
    .selectFrom('sessions')
    .select(['last_seq', 'lease_owner', 'lease_epoch'])
    .where('id', '=', id)
    .compile();
}

export function readAfter(id: string, afterSeq: number, limit: number) {
  return build
    .selectFrom('entries')
    .selectAll()
    .where('session_id', '=', id)
    .where('seq', '>', afterSeq)
    .orderBy('seq')
    .limit(limit)
    .compile();
}

export function insertEntry(row: EntryRow) {
  return build.insertInto('entries').values(row).compile();
}

export function markConsumed(id: string, eventId: string, processedAt: string) {
  return build
    .updateTable('entries')
    .set({ listed_at_us: microseconds(processedAt) })
    .where('session_id', '=', id)
    .where('event_id', '=', eventId)
    .where('kind', '=', 'accepted')
    .compile();
}

export function byEvent(id: string, eventId: string) {
  return build
    .selectFrom('entries')
    .selectAll()
    .where('session_id', '=', id)
    .where('event_id', '=', eventId)
    .orderBy('seq')
    .compile();
}

export function listed(id: string, query: EventQuery) {
  let select = build
    .selectFrom('entries')
    .selectAll()
    .where('session_id', '=', id)
    .where('listed_at_us', 'is not', null);
  // A queued event has no time yet, so no time filter matches it.
  if (Object.keys(query.createdAt).length > 0) select = select.where('listed_at_us', '<', queuedAtUs);
  if (query.types !== null) select = select.where('event_type', 'in', [...query.types]);
  return keyset(select, ['listed_at_us', 'seq'], query).compile();
}

export function environment(id: string) {
  return build.selectFrom('environments').select('archived_at_us').where('id', '=', id).compile();
}

export function insertSession(state: SessionState) {
  return build
    .insertInto('sessions')
    .values({
      id: state.id,
      created_at_us: state.createdAtUs,
      agent_id: state.agentId,
      agent_version: state.agentVersion,
      environment_id: state.environmentId,
      agent: JSON.stringify(state.agent),
      ...cached(state),
      lease_owner: null,
      lease_epoch: 0,
      lease_until_us: null,
    })
    .compile();
}

/** The cached columns follow the fold; a session that came to rest gives up its lease in the same commit. */
export function updateSession(state: SessionState, before: SessionState) {
  return build
    .updateTable('sessions')
    .set({
      ...cached(state),
      ...(state.agent === before.agent ? {} : { agent: JSON.stringify(state.agent) }),
      ...(state.wakeAtUs === null ? { lease_owner: null, lease_until_us: null } : {}),
    })
    .where('id', '=', state.id)
    .compile();
}

function cached(state: SessionState) {
  const summary = summaryOf(state);
  const { agent: _agent, ...session } = summary.session;
  return {
    archived_at_us: state.archivedAtUs,
    status: state.status,
    last_seq: state.seq,
    summary: JSON.stringify({ ...summary, session }),
    wake_at_us: state.wakeAtUs,
  };
}

export function deleteSession(id: string) {
  return build.deleteFrom('sessions').where('id', '=', id).compile();
}

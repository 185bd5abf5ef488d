import type { SessionQuery, Sessions } from '../domain/collections.ts';
import type { SessionSummary } from '../domain/session/summarize.ts';
import { presentSession } from '../domain/session/summarize.ts';
import type { Session } from '../protocol/sessions.ts';
import type { Engine } from './engines/engine.ts';
import { keyset } from './keyset.ts';
import type { SessionRow } from './tables.ts';
import { build } from './tables.ts';

/** Sessions as lists and GETs see them: from the cached columns, without folding a log. */
export function createSessions(engine: Engine, workspaceId: string): Sessions {
  return {
    async get(id, nowUs) {
      const query = build
        .selectFrom('sessions')
        .select(['summary', 'agent', 'resources'])
        .where('id', '=', id)
        .where('workspace_id', '=', workspaceId);
      const [row] = await engine.read.all(query.compile());
      return row ? sessionOf(row, nowUs) : null;
    },
    async page(query, nowUs) {
      // Deployments do not exist, so no session belongs to one.
      if (query.deploymentId !== null) return [];
      const rows = await engine.read.all(pageOf(workspaceId, query).compile());
      return rows.map((row) => ({
        item: sessionOf(row, nowUs),
        position: [row.created_at_us, row.id] as const,
      }));
    },
  };
}

/** A page walks an index by time: that of all sessions, or that of the sessions with one memory store. */
function pageOf(workspaceId: string, query: SessionQuery) {
  const select = filtered(workspaceId, query);
  if (query.memoryStoreId === null) return keyset(select, ['sessions.created_at_us', 'sessions.id'], query);
  const attached = select
    .innerJoin('session_memory_stores', 'session_id', 'sessions.id')
    .where('memory_store_id', '=', query.memoryStoreId);
  return keyset(attached, ['session_memory_stores.created_at_us', 'session_id'], query);
}

function filtered(workspaceId: string, query: SessionQuery) {
  let select = build
    .selectFrom('sessions')
    .select(['sessions.id', 'sessions.created_at_us', 'summary', 'agent', 'resources'])
    .where('workspace_id', '=', workspaceId);
  if (!query.includeArchived) select = select.where('archived_at_us', 'is', null);
  if (query.agentId !== null) {
    select = select.where('agent_id', '=', query.agentId);
    // A version means nothing without its agent (spec/sessions.md, List filters).
    if (query.agentVersion !== null) select = select.where('agent_version', '=', query.agentVersion);
  }
  if (query.statuses !== null) select = select.where('status', 'in', [...query.statuses]);
  return select;
}

function sessionOf(row: Pick<SessionRow, 'summary' | 'agent' | 'resources'>, nowUs: number): Session {
  // The columns are only ever written from a SessionSummary, see log-queries.ts.
  const summary = JSON.parse(row.summary) as SessionSummary;
  const agent = JSON.parse(row.agent) as Session['agent'];
  const resources = JSON.parse(row.resources) as Session['resources'];
  return presentSession({ ...summary, session: { ...summary.session, agent, resources } }, nowUs);
}

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
        .select(['summary', 'agent'])
        .where('id', '=', id)
        .where('workspace_id', '=', workspaceId);
      const [row] = await engine.read.all(query.compile());
      return row ? sessionOf(row, nowUs) : null;
    },
    async page(query, nowUs) {
      // Deployments do not exist and memory stores cannot be attached, so no session belongs to one.
      if (query.deploymentId !== null || query.memoryStoreId !== null) return [];
      const rows = await engine.read.all(
        keyset(filtered(workspaceId, query), ['created_at_us', 'id'], query).compile(),
      );
      return rows.map((row) => ({
        item: sessionOf(row, nowUs),
        position: [row.created_at_us, row.id] as const,
      }));
    },
  };
}

function filtered(workspaceId: string, query: SessionQuery) {
  let select = build
    .selectFrom('sessions')
    .select(['id', 'created_at_us', 'summary', 'agent'])
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

function sessionOf(row: Pick<SessionRow, 'summary' | 'agent'>, nowUs: number): Session {
  // Both columns are only ever written from a SessionSummary, see log-queries.ts.
  const summary = JSON.parse(row.summary) as SessionSummary;
  const agent = JSON.parse(row.agent) as Session['agent'];
  return presentSession({ ...summary, session: { ...summary.session, agent } }, nowUs);
}

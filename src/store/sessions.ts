import type { SessionQuery, Sessions } from '../domain/collections.ts';
import type { SessionSummary } from '../domain/session/summarize.ts';
import { presentSession } from '../domain/session/summarize.ts';
import type { Session } from '../protocol/sessions.ts';
import { sessionStatuses } from '../protocol/sessions.ts';
import type { Engine } from './engines/engine.ts';
import { keyset, merged } from './keyset.ts';
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
      const compiled = pageOf(workspaceId, query);
      const rows = compiled ? await engine.read.all(compiled) : [];
      return rows.map((row) => ({
        item: sessionOf(row, nowUs),
        position: [row.created_at_us, row.id] as const,
      }));
    },
  };
}

/** Sessions with one memory store are found through it, all others in the stretches of their indexes. */
function pageOf(workspaceId: string, query: SessionQuery) {
  if (query.memoryStoreId === null)
    return merged(partsOf(workspaceId, query), ['created_at_us', 'id'], query);
  const attached = filtered(workspaceId, query)
    .innerJoin('session_memory_stores', 'session_id', 'sessions.id')
    .where('memory_store_id', '=', query.memoryStoreId);
  return keyset(attached, ['session_memory_stores.created_at_us', 'session_id'], query).compile();
}

/** What the filters leave, in one selection. */
function filtered(workspaceId: string, query: SessionQuery) {
  const { agentId, agentVersion, statuses, includeArchived } = query;
  let select = ofOwners(workspaceId, query);
  // A version means nothing without its agent (spec/sessions.md, List filters).
  if (agentId !== null && agentVersion !== null) select = select.where('agent_version', '=', agentVersion);
  if (statuses !== null) select = select.where('status', 'in', [...statuses]);
  return includeArchived ? select : select.where('archived_at_us', 'is', null);
}

/** Each part is one stretch of an index: the sessions of one version, else those of one status, archived or not. */
function partsOf(workspaceId: string, query: SessionQuery) {
  const { agentId, agentVersion, statuses, includeArchived } = query;
  if (agentId !== null && agentVersion !== null) return [filtered(workspaceId, query)];
  const all = ofOwners(workspaceId, query);
  return [...new Set(statuses ?? sessionStatuses)].flatMap((status) => {
    const part = all.where('status', '=', status);
    const active = part.where('archived_at_us', 'is', null);
    return includeArchived ? [active, part.where('archived_at_us', 'is not', null)] : [active];
  });
}

function ofOwners(workspaceId: string, { agentId, deploymentId }: SessionQuery) {
  let all = build
    .selectFrom('sessions')
    .select(['sessions.id', 'sessions.created_at_us', 'summary', 'agent', 'resources'])
    .where('workspace_id', '=', workspaceId);
  if (agentId !== null) all = all.where('agent_id', '=', agentId);
  return deploymentId === null ? all : all.where('deployment_id', '=', deploymentId);
}

function sessionOf(row: Pick<SessionRow, 'summary' | 'agent' | 'resources'>, nowUs: number): Session {
  // The columns are only ever written from a SessionSummary, see log-queries.ts.
  const summary = JSON.parse(row.summary) as SessionSummary;
  const agent = JSON.parse(row.agent) as Session['agent'];
  const resources = JSON.parse(row.resources) as Session['resources'];
  return presentSession({ ...summary, session: { ...summary.session, agent, resources } }, nowUs);
}

import type { Agents } from '../domain/collections.ts';
import type { Agent } from '../protocol/agents.ts';
import { changeDeploymentsOf } from './deployments.ts';
import type { Engine, Sql } from './engines/engine.ts';
import { microseconds } from './entry-rows.ts';
import { keyset } from './keyset.ts';
import type { AgentRow } from './tables.ts';
import { build } from './tables.ts';

/** Agents: the latest version in `agents`, every version in `agent_versions`, both in one transaction. */
export function createAgents(engine: Engine, workspaceId: string): Agents {
  return {
    async insert(agent) {
      await engine.write(async (tx) => {
        await tx.run(build.insertInto('agents').values(rowOf(workspaceId, agent)).compile());
        await tx.run(insertVersion(agent));
      });
    },
    async get(id, version) {
      const [row] = await engine.read.all(latest(workspaceId, id));
      if (!row) return null;
      const newest = agentOf(row);
      if (version === undefined || version === newest.version) return newest;
      const [old] = await engine.read.all(oneVersion(id, version));
      return old ? { ...agentOf(old), archived_at: newest.archived_at } : null;
    },
    change: (id, rule) => engine.write((tx) => change(tx, workspaceId, id, rule)),
    archive(id, rules) {
      return engine.write(async (tx) => {
        const agent = await change(tx, workspaceId, id, rules.agent);
        if (agent) await changeDeploymentsOf(tx, workspaceId, id, rules.deployment);
        return agent;
      });
    },
    async page(query) {
      let select = build
        .selectFrom('agents')
        .select(['id', 'created_at_us', 'document'])
        .where('workspace_id', '=', workspaceId);
      if (!query.includeArchived) select = select.where('archived_at_us', 'is', null);
      const rows = await engine.read.all(keyset(select, ['created_at_us', 'id'], query).compile());
      return rows.map((row) => ({ item: agentOf(row), position: [row.created_at_us, row.id] as const }));
    },
    async versions(id, query) {
      const select = build
        .selectFrom('agent_versions')
        .select(['version', 'document'])
        .where('agent_id', '=', id);
      const [newest] = await engine.read.all(latest(workspaceId, id));
      if (!newest) return [];
      // Archiving concerns the agent, and so every version of it.
      const { archived_at } = agentOf(newest);
      const rows = await engine.read.all(keyset(select, ['version', 'version'], query).compile());
      return rows.map((row) => ({
        item: { ...agentOf(row), archived_at },
        position: [row.version, row.version] as const,
      }));
    },
  };
}

async function change(
  tx: Sql,
  workspaceId: string,
  id: string,
  rule: (current: Agent) => Agent,
): Promise<Agent | null> {
  const [row] = await tx.all(latest(workspaceId, id));
  if (!row) return null;
  const before = agentOf(row);
  const after = rule(before);
  if (after === before) return before;
  await tx.run(build.updateTable('agents').set(rowOf(workspaceId, after)).where('id', '=', id).compile());
  if (after.version === before.version) await tx.run(updateVersion(after));
  else await tx.run(insertVersion(after));
  return after;
}

function rowOf(workspaceId: string, agent: Agent): AgentRow {
  return {
    id: agent.id,
    workspace_id: workspaceId,
    created_at_us: microseconds(agent.created_at),
    archived_at_us: agent.archived_at === null ? null : microseconds(agent.archived_at),
    version: agent.version,
    document: JSON.stringify(agent),
  };
}

/** Documents are only ever written by `rowOf` and `insertVersion`, from an Agent. */
function agentOf(row: { document: string }): Agent {
  return JSON.parse(row.document) as Agent;
}

function latest(workspaceId: string, id: string) {
  return build
    .selectFrom('agents')
    .select('document')
    .where('id', '=', id)
    .where('workspace_id', '=', workspaceId)
    .compile();
}

function oneVersion(id: string, version: number) {
  return build
    .selectFrom('agent_versions')
    .select('document')
    .where('agent_id', '=', id)
    .where('version', '=', version)
    .compile();
}

function insertVersion(agent: Agent) {
  const { id: agent_id, version } = agent;
  const created_at_us = microseconds(agent.updated_at);
  return build
    .insertInto('agent_versions')
    .values({ agent_id, version, created_at_us, document: JSON.stringify(agent) })
    .compile();
}

/** Archiving changes the latest version without making a new one. */
function updateVersion(agent: Agent) {
  return build
    .updateTable('agent_versions')
    .set({ document: JSON.stringify(agent) })
    .where('agent_id', '=', agent.id)
    .where('version', '=', agent.version)
    .compile();
}

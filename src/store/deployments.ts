import type { DeploymentCheck, DeploymentQuery, Deployments } from '../domain/collections.ts';
import type { DeploymentRecord, DeploymentTokens, StoredDeployment } from '../domain/deployments.ts';
import { isScheduled } from '../domain/deployments.ts';
import { deploymentStatuses } from '../protocol/deployments.ts';
import type { Engine, Sql } from './engines/engine.ts';
import { microseconds } from './entry-rows.ts';
import { merged } from './keyset.ts';
import type { DeploymentRow } from './tables.ts';
import { build } from './tables.ts';

type Rule = (current: StoredDeployment) => StoredDeployment;

export function createDeployments(engine: Engine, workspaceId: string): Deployments {
  return {
    async insert(stored, check) {
      await engine.write(async (tx) => {
        await ask(tx, workspaceId, { stored, check });
        await tx.run(build.insertInto('deployments').values(rowOf(workspaceId, stored)).compile());
      });
    },
    async get(id) {
      const [row] = await engine.read.all(deploymentById(workspaceId, id));
      return row ? deploymentOf(row) : null;
    },
    change(id, rule, check) {
      return engine.write(async (tx) => {
        const [row] = await tx.all(deploymentById(workspaceId, id));
        if (!row) return null;
        const before = deploymentOf(row);
        const after = rule(before);
        if (after === before) return before;
        if (check) await ask(tx, workspaceId, { stored: after, check });
        await update(tx, workspaceId, after);
        return after;
      });
    },
    async page(query) {
      const compiled = merged(partsOf(workspaceId, query), ['created_at_us', 'id'], query);
      const rows = compiled ? await engine.read.all(compiled) : [];
      return rows.map((row) => ({ item: deploymentOf(row), position: [row.created_at_us, row.id] as const }));
    },
  };
}

/** Those of an agent that are not archived; an agent has as many as its users made. */
export async function changeDeploymentsOf(
  tx: Sql,
  workspaceId: string,
  agentId: string,
  rule: Rule,
): Promise<void> {
  const query = build
    .selectFrom('deployments')
    .select(shown)
    .where('workspace_id', '=', workspaceId)
    .where('agent_id', '=', agentId)
    .where('archived_at_us', 'is', null);
  for (const row of await tx.all(query.compile())) {
    const before = deploymentOf(row);
    const after = rule(before);
    if (after !== before) await update(tx, workspaceId, after);
  }
}

const shown = ['id', 'created_at_us', 'last_run_at_us', 'document', 'sealed'] as const;

/** Each part is one stretch of an index: those of one status, archived or not. */
function partsOf(workspaceId: string, { agentId, status, includeArchived }: DeploymentQuery) {
  const all = build.selectFrom('deployments').select(shown).where('workspace_id', '=', workspaceId);
  const ofAgent = agentId === null ? all : all.where('agent_id', '=', agentId);
  return (status === null ? deploymentStatuses : [status]).flatMap((one) => {
    const part = ofAgent.where('status', '=', one);
    const active = part.where('archived_at_us', 'is', null);
    return includeArchived ? [active, part.where('archived_at_us', 'is not', null)] : [active];
  });
}

export function deploymentById(workspaceId: string, id: string) {
  return build
    .selectFrom('deployments')
    .select([...shown, 'archived_at_us'])
    .where('id', '=', id)
    .where('workspace_id', '=', workspaceId)
    .compile();
}

type Asked = { readonly stored: StoredDeployment; readonly check: DeploymentCheck };

async function ask(tx: Sql, workspaceId: string, { stored, check }: Asked): Promise<void> {
  const { id, agent } = stored.record;
  const [owner] = await tx.all(agentOf(workspaceId, agent.id));
  const [others] = await tx.all(scheduledBut(id));
  check(stored, {
    agent: owner ? { isArchived: owner.archived_at_us !== null } : null,
    scheduledOthers: Number(others?.count ?? 0),
  });
}

function agentOf(workspaceId: string, id: string) {
  return build
    .selectFrom('agents')
    .select('archived_at_us')
    .where('id', '=', id)
    .where('workspace_id', '=', workspaceId)
    .compile();
}

/** Of the whole organization. */
function scheduledBut(id: string) {
  return build
    .selectFrom('deployments')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('is_scheduled', '=', 1)
    .where('id', '!=', id)
    .compile();
}

/** All but the time of its last run, which is not the caller's to say. */
async function update(tx: Sql, workspaceId: string, after: StoredDeployment): Promise<void> {
  const { last_run_at_us: _, ...row } = rowOf(workspaceId, after);
  await tx.run(build.updateTable('deployments').set(row).where('id', '=', row.id).compile());
}

function rowOf(workspaceId: string, { record, tokens, lastRunAtUs }: StoredDeployment): DeploymentRow {
  return {
    id: record.id,
    workspace_id: workspaceId,
    created_at_us: microseconds(record.created_at),
    archived_at_us: record.archived_at === null ? null : microseconds(record.archived_at),
    agent_id: record.agent.id,
    status: record.paused_reason === null ? 'active' : 'paused',
    is_scheduled: Number(isScheduled(record)),
    last_run_at_us: lastRunAtUs,
    document: JSON.stringify(record),
    sealed: JSON.stringify(tokens),
  };
}

function deploymentOf(row: Pick<DeploymentRow, 'last_run_at_us' | 'document' | 'sealed'>): StoredDeployment {
  return {
    // Both columns are only ever written by `rowOf`, from a StoredDeployment.
    record: JSON.parse(row.document) as DeploymentRecord,
    tokens: JSON.parse(row.sealed) as DeploymentTokens,
    lastRunAtUs: row.last_run_at_us,
  };
}

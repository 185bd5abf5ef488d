import type { DeploymentRunQuery, DeploymentRuns } from '../domain/collections.ts';
import { absentDeployment } from '../domain/deployments.ts';
import type { DeploymentRun } from '../protocol/deployment-runs.ts';
import { triggerTypes } from '../protocol/deployment-runs.ts';
import { invalid, Refusal } from '../protocol/refusal.ts';
import { deploymentById } from './deployments.ts';
import type { Engine, Sql } from './engines/engine.ts';
import { microseconds } from './entry-rows.ts';
import { merged } from './keyset.ts';
import type { DeploymentRunRow } from './tables.ts';
import { build } from './tables.ts';

export function createDeploymentRuns(engine: Engine, workspaceId: string): DeploymentRuns {
  return {
    insert: (run) => engine.write((tx) => insertRun(tx, workspaceId, run)),
    async get(id) {
      const query = build
        .selectFrom('deployment_runs')
        .select('document')
        .where('id', '=', id)
        .where('workspace_id', '=', workspaceId);
      const [row] = await engine.read.all(query.compile());
      return row ? runOf(row) : null;
    },
    async page(query) {
      const compiled = merged(partsOf(workspaceId, query), ['created_at_us', 'id'], query);
      const rows = compiled ? await engine.read.all(compiled) : [];
      return rows.map((row) => ({ item: runOf(row), position: [row.created_at_us, row.id] as const }));
    },
  };
}

/** In the transaction that creates its session, if it has one. */
export async function insertRun(tx: Sql, workspaceId: string, run: DeploymentRun): Promise<void> {
  const row = rowOf(workspaceId, run);
  const [deployment] = await tx.all(deploymentById(workspaceId, run.deployment_id));
  if (!deployment) throw absentDeployment(run.deployment_id);
  if (deployment.archived_at_us !== null)
    throw invalid(`Cannot run archived deployment ${run.deployment_id}`);
  await refuseSecond(tx, row);
  await tx.run(build.insertInto('deployment_runs').values(row).compile());
  if (run.trigger_context.type !== 'schedule' || run.session_id === null) return;
  const last = build.updateTable('deployments').set({ last_run_at_us: row.created_at_us });
  await tx.run(last.where('id', '=', run.deployment_id).compile());
}

/** One run per scheduled time, whoever else saw that it is due; an index backs it up. */
async function refuseSecond(tx: Sql, row: DeploymentRunRow): Promise<void> {
  if (row.scheduled_at_us === null) return;
  const query = build
    .selectFrom('deployment_runs')
    .select('id')
    .where('deployment_id', '=', row.deployment_id)
    .where('scheduled_at_us', '=', row.scheduled_at_us);
  const [first] = await tx.all(query.compile());
  if (first) throw new Refusal('conflict', `Run ${first.id} was started for the same scheduled time`);
}

/** Each part is one stretch of an index: those of one trigger, failed or not. */
function partsOf(workspaceId: string, { deploymentId, trigger, hasError }: DeploymentRunQuery) {
  const all = build
    .selectFrom('deployment_runs')
    .select(['id', 'created_at_us', 'document'])
    .where('workspace_id', '=', workspaceId);
  const wanted = deploymentId === null ? all : all.where('deployment_id', '=', deploymentId);
  return (trigger === null ? triggerTypes : [trigger]).flatMap((type) =>
    (hasError === null ? [false, true] : [hasError]).map((failed) =>
      wanted.where('trigger_type', '=', type).where('has_error', '=', Number(failed)),
    ),
  );
}

function rowOf(workspaceId: string, run: DeploymentRun): DeploymentRunRow {
  const { trigger_context: trigger } = run;
  return {
    id: run.id,
    workspace_id: workspaceId,
    deployment_id: run.deployment_id,
    created_at_us: microseconds(run.created_at),
    trigger_type: trigger.type,
    scheduled_at_us: trigger.type === 'schedule' ? microseconds(trigger.scheduled_at) : null,
    has_error: Number(run.error !== null),
    document: JSON.stringify(run),
  };
}

/** Documents are only ever written by `rowOf`, from a DeploymentRun. */
function runOf(row: { document: string }): DeploymentRun {
  return JSON.parse(row.document) as DeploymentRun;
}

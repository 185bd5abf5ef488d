import { formatUs } from '../base/timestamp.ts';
import type { Collections } from '../domain/collections.ts';
import { runErrorOf } from '../domain/deployment-runs.ts';
import type { StoredDeployment } from '../domain/deployments.ts';
import { absentDeployment } from '../domain/deployments.ts';
import type { Unseal } from '../domain/sealing.ts';
import type { DeploymentRun, TriggerContext } from '../protocol/deployment-runs.ts';
import type { EventParams } from '../protocol/event-params.ts';
import { invalid, Refusal } from '../protocol/refusal.ts';
import type { QueryOf } from '../protocol/routes.ts';
import { unsealResources } from './deployment-plan.ts';
import type { Page } from './page.ts';
import { pageOf } from './page.ts';
import type { NewSession, SessionDeps } from './sessions.ts';
import { startSession } from './sessions.ts';

export type DeploymentRunDeps = SessionDeps & {
  readonly collections: Pick<Collections, 'deployments' | 'deploymentRuns'>;
  readonly unseal: Unseal;
  /** Told why a run failed when nobody but us can do something about it. */
  readonly onFault: (run: DeploymentRun, cause: unknown) => void;
};

export type DeploymentRunCommands = {
  start(deploymentId: string): Promise<DeploymentRun>;
  retrieve(id: string): Promise<DeploymentRun>;
  list(query: QueryOf<'beta.deploymentRuns list'>): Promise<Page<DeploymentRun>>;
};

export function createDeploymentRunCommands(deps: DeploymentRunDeps): DeploymentRunCommands {
  const { deployments, deploymentRuns } = deps.collections;
  return {
    async start(deploymentId) {
      const stored = await deployments.get(deploymentId);
      if (!stored) throw absentDeployment(deploymentId);
      return await runDeployment(deps, stored, { type: 'manual' });
    },
    async retrieve(id) {
      const run = await deploymentRuns.get(id);
      if (!run) throw new Refusal('not_found', `Deployment run not found: ${id}`);
      return run;
    },
    list: (query) =>
      pageOf(query, { limit: 20, order: 'desc' }, (page) =>
        deploymentRuns.page({
          ...page,
          deploymentId: query.deployment_id ?? null,
          trigger: query.trigger_type ?? null,
          hasError: query.has_error ?? null,
        }),
      ),
  };
}

/**
 * Starts a session from a deployment, by the same rules as a client does, and records that or why it could not
 * be. Refuses only where there is nothing to record: when the deployment is archived.
 */
export async function runDeployment(
  deps: DeploymentRunDeps,
  stored: StoredDeployment,
  trigger: TriggerContext,
): Promise<DeploymentRun> {
  const { record } = stored;
  if (record.archived_at !== null) throw invalid(`Cannot run archived deployment ${record.id}`);
  const blank: DeploymentRun = {
    id: deps.newId('drun'),
    type: 'deployment_run',
    deployment_id: record.id,
    trigger_context: trigger,
    session_id: null,
    error: null,
    agent: record.agent,
    created_at: formatUs(deps.clock.nowUs()),
  };
  const runOf = (sessionId: string): DeploymentRun => ({ ...blank, session_id: sessionId });
  try {
    const session = await startSession(deps, sessionOf(deps.unseal, stored), {
      deploymentId: record.id,
      runOf,
    });
    return runOf(session.id);
  } catch (cause) {
    const run: DeploymentRun = { ...blank, error: runErrorOf(cause) };
    await deps.collections.deploymentRuns.insert(run);
    if (run.error?.type === 'unknown_error') deps.onFault(run, cause);
    return run;
  }
}

function sessionOf(unseal: Unseal, { record, tokens }: StoredDeployment): NewSession {
  return {
    agent: record.agent,
    environment_id: record.environment_id,
    title: record.name,
    budget: record.budget,
    // What is shown of an event is what was sent, but for redacted content, which nobody can send.
    initial_events: record.initial_events as EventParams[],
    resources: unsealResources(unseal, record, tokens),
    vault_ids: record.vault_ids,
  };
}

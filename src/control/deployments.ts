import type { Clock } from '../base/clock.ts';
import type { NewId } from '../base/ids.ts';
import type { ModelCatalog } from '../domain/catalog.ts';
import type { Collections, DeploymentCheck } from '../domain/collections.ts';
import type { DeploymentRecord, Resolved, StoredDeployment } from '../domain/deployments.ts';
import {
  absentDeployment,
  admitDeployment,
  archiveDeployment,
  createDeployment,
  pauseDeployment,
  presentDeployment,
  refuseArchivedDeployment,
  unpauseDeployment,
  updateDeployment,
} from '../domain/deployments.ts';
import type { Occurrences } from '../domain/schedules.ts';
import type { Seal } from '../domain/sealing.ts';
import type { Deployment, DeploymentCreate, DeploymentUpdate } from '../protocol/deployments.ts';
import { invalid } from '../protocol/refusal.ts';
import type { QueryOf } from '../protocol/routes.ts';
import type { Plan } from './deployment-plan.ts';
import { checkPlan, sealResources, usableDeploymentAgent } from './deployment-plan.ts';
import type { Page } from './page.ts';
import { pageOf } from './page.ts';

export type DeploymentDeps = {
  readonly collections: Pick<
    Collections,
    'agents' | 'deployments' | 'environments' | 'files' | 'memoryStores' | 'vaults'
  >;
  readonly catalog: ModelCatalog;
  /** Besides github.com. */
  readonly repositoryHosts: readonly string[];
  readonly occurrences: Occurrences;
  readonly seal: Seal;
  readonly clock: Clock;
  readonly newId: NewId;
};

export type DeploymentCommands = {
  create(body: DeploymentCreate): Promise<Deployment>;
  retrieve(id: string): Promise<Deployment>;
  update(id: string, body: DeploymentUpdate): Promise<Deployment>;
  list(query: QueryOf<'beta.deployments list'>): Promise<Page<Deployment>>;
  archive(id: string): Promise<Deployment>;
  pause(id: string): Promise<Deployment>;
  unpause(id: string): Promise<Deployment>;
};

export function createDeploymentCommands(deps: DeploymentDeps): DeploymentCommands {
  const { clock, newId, occurrences, seal } = deps;
  const { deployments } = deps.collections;

  const shown = (stored: StoredDeployment) =>
    presentDeployment(stored, { nowUs: clock.nowUs(), occurrences });

  async function get(id: string): Promise<StoredDeployment> {
    const stored = await deployments.get(id);
    if (!stored) throw absentDeployment(id);
    return stored;
  }

  async function change(
    id: string,
    rule: (current: StoredDeployment, nowUs: number) => StoredDeployment,
    check?: DeploymentCheck,
  ): Promise<Deployment> {
    const changed = await deployments.change(id, (current) => rule(current, clock.nowUs()), check);
    if (!changed) throw absentDeployment(id);
    return shown(changed);
  }

  return {
    async create(body) {
      const agent = await usableDeploymentAgent(deps, body.agent);
      await checkPlan(deps, { ...body, agent }, body);
      const id = newId('depl');
      const resources = sealResources(seal, id, body.resources ?? []);
      const stored = createDeployment(body, { id, agent: referenceOf(agent), resources }, clock.nowUs());
      await deployments.insert(stored, admitDeployment);
      return shown(stored);
    },
    retrieve: async (id) => shown(await get(id)),
    async update(id, body) {
      const { record } = await get(id);
      refuseArchivedDeployment(record);
      const agent = await usableDeploymentAgent(deps, body.agent ?? record.agent);
      await checkPlan(deps, { ...planAfter(record, body), agent }, body);
      const resolved: Resolved = {
        ...(body.agent === undefined ? {} : { agent: referenceOf(agent) }),
        ...(body.resources === undefined ? {} : { resources: sealResources(seal, id, body.resources ?? []) }),
      };
      const rule = (current: StoredDeployment, nowUs: number) =>
        updateDeployment(current, body, { ...resolved, nowUs });
      return await change(id, rule, admitDeployment);
    },
    async list(query) {
      const { agent_id, status, include_archived: includeArchived = false } = query;
      if (status !== undefined && includeArchived) {
        throw invalid('status and include_archived cannot be combined');
      }
      const filter = { includeArchived, agentId: agent_id ?? null, status: status ?? null };
      const page = await pageOf(query, { limit: 20, order: 'desc' }, (window) =>
        deployments.page({ ...window, ...filter }),
      );
      return { ...page, data: page.data.map(shown) };
    },
    archive: (id) => change(id, archiveDeployment),
    pause: (id) => change(id, pauseDeployment),
    unpause: (id) => change(id, unpauseDeployment),
  };
}

function referenceOf({ id, version }: { readonly id: string; readonly version: number }) {
  return { id, type: 'agent' as const, version };
}

function planAfter(record: DeploymentRecord, body: DeploymentUpdate): Omit<Plan, 'agent'> {
  return {
    environment_id: body.environment_id ?? record.environment_id,
    initial_events: body.initial_events ?? record.initial_events,
    resources: body.resources === undefined ? record.resources : body.resources,
    budget: body.budget === undefined ? record.budget : body.budget,
  };
}

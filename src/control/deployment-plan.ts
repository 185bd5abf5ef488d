import type { Clock } from '../base/clock.ts';
import { definitionOf } from '../domain/agents.ts';
import type { ModelCatalog } from '../domain/catalog.ts';
import type { Collections } from '../domain/collections.ts';
import type { DeploymentTokens } from '../domain/deployments.ts';
import { checkDeploymentEvents } from '../domain/deployments.ts';
import { absentFile, expiredFile, isExpired } from '../domain/files.ts';
import { checkAttachable } from '../domain/memory-stores.ts';
import type { Seal, SecretPlace, Unseal } from '../domain/sealing.ts';
import { checkPriced } from '../domain/session/creation.ts';
import { checkSystemModel } from '../domain/session/system-messages.ts';
import { checkResources } from '../domain/session-resources.ts';
import type { Agent } from '../protocol/agents.ts';
import type { DeploymentAgentParams, DeploymentUpdate, ResourceConfig } from '../protocol/deployments.ts';
import type { EventParams } from '../protocol/event-params.ts';
import type { SessionResourceParams } from '../protocol/session-resources.ts';
import type { SessionBudget } from '../protocol/sessions.ts';
import { usableEnvironment } from './environments.ts';
import { checkFileBlocks } from './file-blocks.ts';
import { usableAgent } from './session-agent.ts';
import { requireUsableVaults } from './vaults.ts';

export type PlanDeps = {
  readonly collections: Pick<Collections, 'agents' | 'environments' | 'files' | 'memoryStores' | 'vaults'>;
  readonly catalog: ModelCatalog;
  /** Besides github.com. */
  readonly repositoryHosts: readonly string[];
  readonly clock: Clock;
};

/** What the sessions of a deployment will begin with, as far as it has to fit together. */
export type Plan = {
  readonly agent: Agent;
  readonly environment_id: string;
  readonly initial_events: readonly EventParams[];
  readonly resources?: readonly (SessionResourceParams | ResourceConfig)[] | null | undefined;
  readonly budget?: SessionBudget | null | undefined;
};

export function usableDeploymentAgent(
  { collections }: PlanDeps,
  params: DeploymentAgentParams,
): Promise<Agent> {
  const { id, version } = typeof params === 'string' ? { id: params, version: null } : params;
  return usableAgent(collections.agents, id, version ?? undefined);
}

/**
 * Checks what a request says anew, and how it fits what stays. The rest is left alone: what became of it
 * meanwhile is for the runs to tell.
 */
export async function checkPlan(deps: PlanDeps, plan: Plan, sent: DeploymentUpdate): Promise<void> {
  const { agent, initial_events: events } = plan;
  const { environments, files, vaults } = deps.collections;
  if (sent.environment_id !== undefined) await usableEnvironment(environments, sent.environment_id);
  if (sent.initial_events !== undefined) {
    checkDeploymentEvents(events);
    await checkFileBlocks({ files, nowUs: deps.clock.nowUs() }, events, 'initial_events');
  }
  // Its own model only: each session is checked with the whole roster.
  const alone = { ...definitionOf(agent), multiagent: null };
  if (sent.agent !== undefined || sent.initial_events !== undefined) {
    checkSystemModel({ agent: alone }, events, deps.catalog, 'initial_events');
  }
  if (plan.budget && (sent.agent !== undefined || sent.budget)) checkPriced(alone, deps.catalog);
  if (sent.vault_ids) await requireUsableVaults(vaults, sent.vault_ids);
  if (sent.resources || sent.environment_id !== undefined || sent.agent !== undefined) {
    const environment = await environments.get(plan.environment_id);
    const setting = {
      environment: environment?.config.type ?? 'cloud',
      tools: agent.tools,
      repositoryHosts: deps.repositoryHosts,
    } as const;
    checkResources(plan.resources ?? [], setting);
    await requireResources(deps, sent.resources ?? []);
  }
}

/** Repositories are looked for by each session alone. */
async function requireResources(
  { collections: { files, memoryStores }, clock }: PlanDeps,
  resources: readonly SessionResourceParams[],
): Promise<void> {
  for (const resource of resources) {
    if (resource.type === 'memory_store') {
      checkAttachable(await memoryStores.get(resource.memory_store_id), resource.memory_store_id);
    }
    if (resource.type === 'file') {
      const nowUs = clock.nowUs();
      const stored = await files.get(resource.file_id, nowUs);
      if (!stored) throw absentFile(resource.file_id);
      if (isExpired(stored.file, nowUs)) throw expiredFile(resource.file_id);
    }
  }
}

/** Resources as they are shown, and their tokens, sealed. */
export function sealResources(
  seal: Seal,
  deploymentId: string,
  resources: readonly SessionResourceParams[],
): { configs: ResourceConfig[]; tokens: DeploymentTokens } {
  const tokens: Record<string, string> = {};
  const configs = resources.map((resource, index): ResourceConfig => {
    if (resource.type !== 'github_repository') return shown(resource);
    const { authorization_token: token, ...config } = resource;
    if (token !== undefined) tokens[index] = seal(token, placeOf(deploymentId, String(index)));
    return shown(config);
  });
  return { configs, tokens };
}

/** As a request would send them. */
export function unsealResources(
  unseal: Unseal,
  { id, resources }: { readonly id: string; readonly resources: readonly ResourceConfig[] },
  tokens: DeploymentTokens,
): SessionResourceParams[] {
  return resources.map((resource, index) => {
    const sealed = tokens[index];
    if (resource.type !== 'github_repository' || sealed === undefined) return resource;
    return { ...resource, authorization_token: unseal(sealed, placeOf(id, String(index))) };
  });
}

function placeOf(deploymentId: string, index: string): SecretPlace {
  return { deploymentId, index, field: 'authorization_token' };
}

/** Echoed as sent. The two schemas differ in what may be undefined, which JSON has no way to say. */
function shown(resource: object): ResourceConfig {
  return resource as ResourceConfig;
}

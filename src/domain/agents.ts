import { formatUs } from '../base/timestamp.ts';
import type { Agent, AgentCreate, AgentSelection, AgentUpdate } from '../protocol/agents.ts';
import { invalid, Refusal } from '../protocol/refusal.ts';
import type { ThreadAgent } from '../protocol/sessions.ts';
import type { FindSkill } from './agent-skills.ts';
import { resolveSkills } from './agent-skills.ts';
import { checkTools, resolveTools } from './agent-tools.ts';
import type { ModelCatalog } from './catalog.ts';
import { mergeMetadata } from './metadata.ts';
import { resolveModel } from './model-config.ts';
import type { FindAgent } from './multiagent.ts';
import { resolveMultiagent } from './multiagent.ts';

export type AgentRules = {
  readonly catalog: ModelCatalog;
  readonly find: FindAgent;
  readonly findSkill: FindSkill;
  readonly nowUs: number;
};

/** A new agent at version 1, every default resolved. Refuses what the catalogue or the tool rules do not allow. */
export function createAgent(params: AgentCreate, id: string, rules: AgentRules): Agent {
  const at = formatUs(rules.nowUs);
  const { multiagent } = params;
  const deps = { owner: { id, version: 1 }, find: rules.find, catalog: rules.catalog };
  const agent: Agent = {
    id,
    type: 'agent',
    version: 1,
    name: params.name,
    model: resolveModel(params.model, rules.catalog),
    description: params.description || null,
    system: params.system || null,
    tools: resolveTools(params.tools ?? []),
    mcp_servers: params.mcp_servers ?? [],
    skills: resolveSkills(params.skills ?? [], rules.findSkill),
    multiagent: multiagent ? resolveMultiagent(multiagent, null, deps) : null,
    metadata: params.metadata ?? {},
    execution_identity: params.execution_identity ?? { type: 'service_account' },
    created_at: at,
    updated_at: at,
    archived_at: null,
  };
  checkTools(agent);
  return agent;
}

/**
 * The agent after an update: version + 1, or the same object when nothing changed (spec/agents.md,
 * Update semantics). A stale `version` is a conflict the SDK may retry.
 */
export function updateAgent(current: Agent, params: AgentUpdate, rules: AgentRules): Agent {
  if (current.archived_at !== null) throw invalid(`cannot modify archived agent ${current.id}`);
  if (params.version != null && params.version !== current.version) {
    throw new Refusal(
      'conflict',
      `version ${params.version} is not the current version ${current.version}; fetch the latest version and retry`,
      { retry: true },
    );
  }
  const changed = merged(current, params, rules);
  checkTools(changed);
  if (JSON.stringify(changed) === JSON.stringify(current)) return current;
  return { ...changed, version: current.version + 1, updated_at: formatUs(rules.nowUs) };
}

function merged(current: Agent, params: AgentUpdate, rules: AgentRules): Agent {
  const { id, version } = current;
  const deps = { owner: { id, version: version + 1 }, find: rules.find, catalog: rules.catalog };
  const keep = <T>(sent: T | undefined, stored: T): T => (sent === undefined ? stored : sent);
  return {
    ...current,
    name: params.name ?? current.name,
    model:
      params.model === undefined ? current.model : resolveModel(params.model, rules.catalog, current.model),
    description: keep(params.description, current.description) || null,
    system: keep(params.system, current.system) || null,
    tools: params.tools === undefined ? current.tools : resolveTools(params.tools ?? []),
    mcp_servers: keep(params.mcp_servers, current.mcp_servers) ?? [],
    skills:
      params.skills === undefined ? current.skills : resolveSkills(params.skills ?? [], rules.findSkill),
    multiagent:
      params.multiagent == null
        ? keep(params.multiagent, current.multiagent)
        : resolveMultiagent(params.multiagent, current.multiagent, deps),
    metadata: { ...mergeMetadata(current.metadata, params.metadata) },
    execution_identity:
      params.execution_identity === undefined
        ? current.execution_identity
        : (params.execution_identity ?? { type: 'service_account' }),
  };
}

/** One-way; a second call changes nothing. */
export function archiveAgent(current: Agent, nowUs: number): Agent {
  if (current.archived_at !== null) return current;
  const at = formatUs(nowUs);
  return { ...current, archived_at: at, updated_at: at };
}

/** The part of an agent that sessions and threads snapshot. */
export function definitionOf(agent: Agent): ThreadAgent {
  const {
    id,
    type,
    version,
    name,
    model,
    description,
    system,
    tools,
    mcp_servers,
    skills,
    execution_identity,
  } = agent;
  return {
    id,
    type,
    version,
    name,
    model,
    description,
    system,
    tools,
    mcp_servers,
    skills,
    execution_identity,
  };
}

type Overrides = Extract<AgentSelection, { type: 'agent_with_overrides' }>;

/** Each override is tri-state: absent inherits, null or `[]` clears, a value replaces whole (spec/sessions.md, Overrides). */
export function applyOverrides(
  agent: ThreadAgent,
  overrides: Overrides,
  { catalog, findSkill }: Pick<AgentRules, 'catalog' | 'findSkill'>,
): ThreadAgent {
  if (overrides.model === null) {
    throw invalid('agent_model_required: model cannot be cleared by an override', 'agent_model_required');
  }
  const overridden: ThreadAgent = {
    ...agent,
    model: overrides.model === undefined ? agent.model : resolveModel(overrides.model, catalog),
    system: overrides.system === undefined ? agent.system : overrides.system || null,
    tools: overrides.tools === undefined ? agent.tools : resolveTools(overrides.tools ?? []),
    mcp_servers: overrides.mcp_servers === undefined ? agent.mcp_servers : (overrides.mcp_servers ?? []),
    skills: overrides.skills === undefined ? agent.skills : resolveSkills(overrides.skills ?? [], findSkill),
  };
  checkTools(overridden);
  return overridden;
}

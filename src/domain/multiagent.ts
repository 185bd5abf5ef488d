import type { Agent } from '../protocol/agents.ts';
import type { Multiagent, MultiagentParams } from '../protocol/multiagent.ts';
import { invalid } from '../protocol/refusal.ts';
import type { SessionAgent, ThreadAgent } from '../protocol/sessions.ts';
import type { ModelCatalog } from './catalog.ts';

/** Stored and echoed; the engine that runs several threads is not part of this server yet. */

/** The agent that owns the configuration, as far as members can refer to it. */
export type Owner = { readonly id: string; readonly version: number };

/** Finds a referenced agent; `undefined` version means the latest. The caller loaded what it needs. */
export type FindAgent = (id: string, version: number | undefined) => Agent | null;

export type MultiagentDeps = {
  readonly owner: Owner;
  readonly find: FindAgent;
  readonly catalog: ModelCatalog;
};

type Predefined =
  | string
  | { type: 'agent'; id: string; version?: number | null | undefined }
  | { type: 'self' };
type Reference = { type: 'agent'; id: string; version: number };

/** Every agent id that a configuration names, so that the caller can load them. */
export function referencedAgents(params: MultiagentParams): { id: string; version: number | undefined }[] {
  const lists =
    params.type === 'coordinator'
      ? [params.agents]
      : [membersOf(params.subagents), membersOf(params.workflows)];
  return lists.flat().flatMap((entry) => {
    if (typeof entry === 'string') return [{ id: entry, version: undefined }];
    return entry.type === 'agent' ? [{ id: entry.id, version: entry.version ?? undefined }] : [];
  });
}

type SwitchParams = Extract<MultiagentParams, { type: 'multiagent_20261001' }>['subagents'];

function membersOf(member: SwitchParams): readonly Predefined[] {
  return member?.type === 'enabled' ? (member.predefined_agents ?? []) : [];
}

/** The stored form: members pinned to versions, defaults filled in, an update of the same form merged. */
export function resolveMultiagent(
  params: MultiagentParams,
  stored: Multiagent | null,
  deps: MultiagentDeps,
): Multiagent {
  if (params.type === 'coordinator') return resolveCoordinator(params, deps);
  const before = stored?.type === 'multiagent_20261001' ? stored : null;
  return {
    type: 'multiagent_20261001',
    subagents: resolveSwitch(params.subagents, before?.subagents, deps),
    workflows: resolveSwitch(params.workflows, before?.workflows, deps),
    advisor: resolveAdvisor(params.advisor, before?.advisor, deps.catalog),
  };
}

function resolveCoordinator(
  params: Extract<MultiagentParams, { type: 'coordinator' }>,
  deps: MultiagentDeps,
): Multiagent {
  const advisors = params.agents.flatMap((entry) =>
    typeof entry === 'object' && entry.type === 'advisor' ? [entry] : [],
  );
  if (advisors.length > 1) throw invalid('multiagent.agents: at most one advisor is allowed');
  for (const { model } of advisors) checkAdvisorModel(model, deps.catalog);
  const members = params.agents.flatMap((entry) =>
    typeof entry === 'object' && entry.type === 'advisor' ? [] : [pin(entry, deps)],
  );
  checkDistinct(members);
  return { type: 'coordinator', agents: [...members, ...advisors] };
}

type Switch = Extract<Multiagent, { type: 'multiagent_20261001' }>['subagents'];

function resolveSwitch(sent: SwitchParams, stored: Switch | undefined, deps: MultiagentDeps): Switch {
  if (sent === undefined && stored) return stored;
  if (sent?.type === 'disabled') return { type: 'disabled' };
  const kept = sent && stored?.type === 'enabled' ? stored : null;
  const inline = sent?.inline_agents === undefined ? kept?.inline_agents : sent.inline_agents;
  const members =
    sent?.predefined_agents === undefined
      ? kept?.predefined_agents
      : pinAll(sent.predefined_agents ?? [], deps);
  const resolved = {
    inline_agents: inline ?? { type: 'enabled' as const },
    predefined_agents: members ?? [],
  };
  if (resolved.inline_agents.type === 'disabled' && resolved.predefined_agents.length === 0) {
    throw invalid('multiagent: predefined_agents must not be empty while inline_agents is disabled');
  }
  return { type: 'enabled', ...resolved };
}

type Advisor = Extract<Multiagent, { type: 'multiagent_20261001' }>['advisor'];

function resolveAdvisor(
  sent: Advisor | null | undefined,
  stored: Advisor | undefined,
  catalog: ModelCatalog,
): Advisor {
  if (sent === undefined) return stored ?? { type: 'disabled' };
  if (sent?.type === 'enabled') checkAdvisorModel(sent.model, catalog);
  return sent ?? { type: 'disabled' };
}

function checkAdvisorModel(model: string, catalog: ModelCatalog): void {
  if (!catalog.get(model)) throw invalid(`multiagent.advisor.model: "${model}" is not a known model`);
}

function pinAll(entries: readonly Predefined[], deps: MultiagentDeps): Reference[] {
  const members = entries.map((entry) => pin(entry, deps));
  checkDistinct(members);
  return members;
}

function pin(entry: Predefined, { owner, find }: MultiagentDeps): Reference {
  if (typeof entry === 'object' && entry.type === 'self')
    return { type: 'agent', id: owner.id, version: owner.version };
  const id = typeof entry === 'string' ? entry : entry.id;
  if (id === owner.id) return { type: 'agent', id, version: owner.version };
  const version = typeof entry === 'string' ? undefined : (entry.version ?? undefined);
  const member = find(id, version);
  if (!member)
    throw invalid(`multiagent: agent not found: ${id}${version === undefined ? '' : ` version ${version}`}`);
  if (member.archived_at !== null) throw invalid(`multiagent: agent ${id} is archived`);
  if (member.multiagent !== null)
    throw invalid(`multiagent: agent ${id} has a multiagent configuration of its own`);
  return { type: 'agent', id, version: member.version };
}

function checkDistinct(members: readonly Reference[]): void {
  const ids = members.map(({ id }) => id);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) throw invalid(`multiagent: agent ${twice} is referenced multiple times`);
}

/** The form a session shows: members as full definitions. */
export function expandMultiagent(
  multiagent: Multiagent | null,
  define: (reference: Reference) => ThreadAgent,
): SessionAgent['multiagent'] {
  if (multiagent === null) return null;
  if (multiagent.type === 'coordinator') {
    const agents = multiagent.agents.map((entry) => (entry.type === 'advisor' ? entry : define(entry)));
    return { type: 'coordinator', agents };
  }
  const expand = (member: Switch) =>
    member.type === 'disabled'
      ? member
      : { ...member, predefined_agents: member.predefined_agents.map(define) };
  return { ...multiagent, subagents: expand(multiagent.subagents), workflows: expand(multiagent.workflows) };
}

/** The agents that a session's agent may let work for it. */
export function sessionMembers({ multiagent }: Pick<SessionAgent, 'multiagent'>): readonly ThreadAgent[] {
  if (multiagent === null) return [];
  if (multiagent.type === 'coordinator') return multiagent.agents.filter((entry) => entry.type === 'agent');
  return [multiagent.subagents, multiagent.workflows].flatMap((member) =>
    member.type === 'enabled' ? member.predefined_agents : [],
  );
}

/** The models that advise it. */
export function advisorsOf({ multiagent }: SessionAgent): readonly string[] {
  if (multiagent === null) return [];
  if (multiagent.type === 'coordinator')
    return multiagent.agents.flatMap((entry) => (entry.type === 'advisor' ? [entry.model] : []));
  return multiagent.advisor.type === 'enabled' ? [multiagent.advisor.model] : [];
}

/** Pinned members of a stored configuration. */
export function pinnedMembers(multiagent: Multiagent | null): readonly Reference[] {
  if (multiagent === null) return [];
  if (multiagent.type === 'coordinator') return multiagent.agents.filter((entry) => entry.type === 'agent');
  return [multiagent.subagents, multiagent.workflows].flatMap((member) =>
    member.type === 'enabled' ? member.predefined_agents : [],
  );
}

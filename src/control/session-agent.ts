import { applyOverrides, definitionOf } from '../domain/agents.ts';
import type { ModelCatalog } from '../domain/catalog.ts';
import type { Agents, Collections } from '../domain/collections.ts';
import { expandMultiagent, pinnedMembers } from '../domain/multiagent.ts';
import type { Agent, AgentSelection } from '../protocol/agents.ts';
import { Refusal } from '../protocol/refusal.ts';
import type { SessionAgent, ThreadAgent } from '../protocol/sessions.ts';
import { loadSkills, refuseAbsentSkills } from './agent-skills.ts';

/** The snapshot a new session keeps of the agent it names: version chosen, overrides applied, members expanded. */
export async function snapshotAgent(
  deps: Pick<Collections, 'agents' | 'skillVersions'> & { readonly catalog: ModelCatalog },
  selection: AgentSelection,
): Promise<SessionAgent> {
  const reference = typeof selection === 'string' ? { id: selection, version: undefined } : selection;
  const agent = await usableAgent(deps.agents, reference.id, reference.version ?? undefined);
  const members = new Map<string, ThreadAgent>();
  for (const { id, version } of pinnedMembers(agent.multiagent)) {
    const member = await deps.agents.get(id, version);
    if (!member) throw new Refusal('not_found', `Agent not found: ${id} version ${version}`);
    refuseArchivedAgent(member);
    members.set(`${id}@${version}`, definitionOf(member));
  }
  const definition = definitionOf(agent);
  const effective =
    typeof selection === 'object' && selection.type === 'agent_with_overrides'
      ? applyOverrides(definition, selection, {
          catalog: deps.catalog,
          findSkill: await loadSkills(deps.skillVersions, selection.skills ?? []),
        })
      : definition;
  const multiagent = expandMultiagent(agent.multiagent, ({ id, version }) =>
    // A member that is the agent itself follows the session's overrides.
    id === agent.id ? effective : (members.get(`${id}@${version}`) ?? effective),
  );
  const snapshot = { ...effective, multiagent };
  await refuseAbsentSkills(deps.skillVersions, snapshot);
  return snapshot;
}

/** One that new sessions can be created with, at a version or the latest. */
export async function usableAgent(agents: Agents, id: string, version: number | undefined): Promise<Agent> {
  const agent = await agents.get(id, version);
  if (!agent)
    throw new Refusal(
      'not_found',
      `Agent not found: ${version === undefined ? id : `${id} version ${version}`}`,
    );
  refuseArchivedAgent(agent);
  return agent;
}

/** Archiving concerns every version of an agent. */
function refuseArchivedAgent({ id, archived_at }: Agent): void {
  if (archived_at === null) return;
  throw new Refusal('invalid_request', `Agent ${id} is archived and cannot be used in new sessions`, {
    runError: 'agent_archived_error',
  });
}

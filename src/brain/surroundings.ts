import { sessionSkills } from '../domain/agent-skills.ts';
import type { FindSkillVersion } from '../domain/mounted-skills.ts';
import { placeSkills, skillsPlace } from '../domain/mounted-skills.ts';
import type { Surroundings } from '../domain/session/context.ts';
import type { SessionState } from '../domain/session/state.ts';
import type { ProviderTool } from '../domain/tools/provider-tools.ts';
import type { Web } from '../domain/web.ts';

export type SurroundingsDeps = {
  readonly findSkill: FindSkillVersion;
  readonly web: Pick<Web, 'canSearch'>;
  /** The web tools that the model's provider may run for a session; without them the server does. */
  readonly providersFor: (state: SessionState) => Promise<readonly ProviderTool[]>;
};

/** What the model is shown beside the log and the tools of MCP servers. */
export async function surroundingsOf(
  deps: SurroundingsDeps,
  state: SessionState,
): Promise<Omit<Surroundings, 'mcpTools'>> {
  const { canSearch } = deps.web;
  const [skills, providers] = await Promise.all([skillsOf(deps, state), deps.providersFor(state)]);
  return { skills, canSearch, providers };
}

/** Where an agent's skills are. */
async function skillsOf(
  { findSkill }: Pick<SurroundingsDeps, 'findSkill'>,
  { agent, resources, selfHosted }: SessionState,
): Promise<Surroundings['skills']> {
  const find = async (reference: (typeof agent.skills)[number]) => ({
    reference,
    version: await findSkill(reference),
  });
  // All agents of a session find theirs in one place: the names of some depend on the others.
  const found = await Promise.all(sessionSkills(agent).map(find));
  const own = new Set(agent.skills.map(({ skill_id, version }) => `${skill_id}@${version}`));
  // A worker keeps them in its working directory.
  const place = selfHosted ? 'skills' : skillsPlace(resources);
  return placeSkills(place, found).filter(({ reference }) =>
    own.has(`${reference.skill_id}@${reference.version}`),
  );
}

import { sessionSkills } from '../domain/agent-skills.ts';
import type { FindSkillVersion, MountedSkill } from '../domain/mounted-skills.ts';
import { placeSkills, skillsPlace } from '../domain/mounted-skills.ts';
import type { Repositories } from '../domain/repositories.ts';
import { repositoriesOf } from '../domain/repositories.ts';
import type { Surroundings } from '../domain/session/context.ts';
import type { SessionState } from '../domain/session/state.ts';
import { toolPermission } from '../domain/tools/permission.ts';
import type { ProviderTool } from '../domain/tools/provider-tools.ts';
import type { Web } from '../domain/web.ts';

export type SurroundingsDeps = {
  readonly findSkill: FindSkillVersion;
  readonly repositories: Pick<Repositories, 'cloned'>;
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
  const [skills, providers, cloned] = await Promise.all([
    skillsOf(deps, state),
    deps.providersFor(state),
    repositoriesIn(deps, state),
  ]);
  return {
    skills: [...skills, ...cloned.skills],
    repositories: cloned.repositories,
    canSearch,
    providers,
  };
}

/** Where an agent's skills are. */
async function skillsOf(
  { findSkill }: Pick<SurroundingsDeps, 'findSkill'>,
  { agent, resources, selfHosted }: SessionState,
): Promise<readonly MountedSkill[]> {
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

/** The repositories that are in their places, and the skills that they bring along: of no use when no tool can read them. */
async function repositoriesIn(
  { repositories }: Pick<SurroundingsDeps, 'repositories'>,
  { id, agent, resources }: SessionState,
): Promise<Pick<Surroundings, 'skills' | 'repositories'>> {
  const present = repositoriesOf(resources);
  if (present.length === 0) return { skills: [], repositories: [] };
  const cloned = await repositories.cloned(id);
  const canRead = toolPermission(agent.tools, { server: null, name: 'read' }).enabled;
  return {
    skills: canRead ? present.flatMap((each) => cloned.get(each.id)?.skills ?? []) : [],
    repositories: present.filter((each) => cloned.has(each.id)),
  };
}

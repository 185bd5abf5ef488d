import { sessionSkills } from '../domain/agent-skills.ts';
import type { FindSkillVersion } from '../domain/mounted-skills.ts';
import { placeSkills, skillsPlace } from '../domain/mounted-skills.ts';
import type { Surroundings } from '../domain/session/context.ts';
import type { SessionState } from '../domain/session/state.ts';

export type SurroundingsDeps = {
  readonly findSkill: FindSkillVersion;
};

/** Where an agent's skills are. */
export async function surroundingsOf(
  { findSkill }: SurroundingsDeps,
  { agent, resources, selfHosted }: SessionState,
): Promise<Pick<Surroundings, 'skills'>> {
  const find = async (reference: (typeof agent.skills)[number]) => ({
    reference,
    version: await findSkill(reference),
  });
  // All agents of a session find theirs in one place: the names of some depend on the others.
  const found = await Promise.all(sessionSkills(agent).map(find));
  const own = new Set(agent.skills.map(({ skill_id, version }) => `${skill_id}@${version}`));
  // A worker keeps them in its working directory.
  const place = selfHosted ? 'skills' : skillsPlace(resources);
  const skills = placeSkills(place, found).filter(({ reference }) =>
    own.has(`${reference.skill_id}@${reference.version}`),
  );
  return { skills };
}

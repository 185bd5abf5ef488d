import type { SkillParams, SkillReference } from '../protocol/agent-tools.ts';
import { invalid } from '../protocol/refusal.ts';
import type { SessionAgent } from '../protocol/sessions.ts';
import { skillsPerSessionMax } from './limits.ts';
import { sessionMembers } from './multiagent.ts';
import type { KeptSkillVersion } from './skills.ts';

/** The version that a reference means now; null if there is none. The caller loaded what it needs. */
export type FindSkill = (reference: SkillParams) => KeptSkillVersion | null;

/** References pinned to versions: what is `latest` now stays what it is (spec/agents.md, Skills entries). */
export function resolveSkills(references: readonly SkillParams[], find: FindSkill): SkillReference[] {
  return references.map((reference) => {
    const version = find(reference);
    if (!version) throw absentReference(reference);
    const { type, skill_id } = reference;
    // Who names a version by its number goes on seeing numbers.
    const isNumber = reference.version === String(version.number);
    return { type, skill_id, version: isNumber ? String(version.number) : version.id };
  });
}

function absentReference({ type, skill_id, version }: SkillParams) {
  const which = version == null || version === 'latest' ? '' : ` version "${version}"`;
  const why =
    type === 'anthropic'
      ? ': this server has no pre-built skills; create one of your own and refer to it with type "custom"'
      : '';
  return invalid(`Agent has invalid configuration: skill_id "${skill_id}"${which} was not found${why}`);
}

/** The different skills that a session's agent and the agents it may let work for it refer to. */
export function sessionSkills(agent: SessionAgent): readonly SkillReference[] {
  const all = [agent, ...sessionMembers(agent)].flatMap(({ skills }) => skills);
  const distinct = new Map(all.map((reference) => [`${reference.skill_id}@${reference.version}`, reference]));
  if (distinct.size > skillsPerSessionMax) {
    throw invalid(
      `the agents of a session may have at most ${skillsPerSessionMax} skills, not ${distinct.size}`,
    );
  }
  return [...distinct.values()];
}

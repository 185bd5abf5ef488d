import type { FindSkill } from '../domain/agent-skills.ts';
import { sessionSkills } from '../domain/agent-skills.ts';
import type { SkillVersions } from '../domain/collections.ts';
import type { KeptSkillVersion } from '../domain/skills.ts';
import { absentSkill, absentSkillVersion } from '../domain/skills.ts';
import type { SkillParams, SkillReference } from '../protocol/agent-tools.ts';
import type { SessionAgent } from '../protocol/sessions.ts';

/** Looks up what references to skills mean, for rules that cannot wait. */
export async function loadSkills(
  skillVersions: SkillVersions,
  references: readonly SkillParams[],
): Promise<FindSkill> {
  const loaded = new Map<string, KeptSkillVersion | null>();
  for (const reference of references) {
    const key = keyOf(reference);
    if (!loaded.has(key)) loaded.set(key, await found(skillVersions, reference));
  }
  return (reference) => loaded.get(keyOf(reference)) ?? null;
}

function keyOf({ type, skill_id, version }: SkillParams): string {
  return JSON.stringify([type, skill_id, version ?? 'latest']);
}

async function found(skillVersions: SkillVersions, { type, skill_id, version }: SkillParams) {
  return type === 'custom' ? await skillVersions.get(skill_id, version ?? 'latest') : null;
}

/** A version that an agent was saved with may be gone by the time of a session. */
export async function refuseAbsentSkills(skillVersions: SkillVersions, agent: SessionAgent): Promise<void> {
  for (const reference of sessionSkills(agent)) {
    if (!(await found(skillVersions, reference))) throw await absence(skillVersions, reference);
  }
}

async function absence(skillVersions: SkillVersions, { skill_id, version }: SkillReference) {
  const isThere = await skillVersions.get(skill_id, 'latest');
  return isThere ? absentSkillVersion(`${version} of skill ${skill_id}`) : absentSkill(skill_id);
}

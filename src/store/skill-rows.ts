import type { KeptSkill, KeptSkillVersion } from '../domain/skills.ts';
import type { SkillRow, SkillVersionRow } from './tables.ts';
import { build } from './tables.ts';

/** Skills and their versions as rows, and back. */

export function skillRow(workspaceId: string, skill: KeptSkill): SkillRow {
  return {
    id: skill.id,
    workspace_id: workspaceId,
    created_at_us: skill.createdAtUs,
    name: skill.name,
    document: JSON.stringify(skill),
  };
}

/** Documents are only ever written by `skillRow`, from a KeptSkill. */
export function skillOf(row: { document: string }): KeptSkill {
  return JSON.parse(row.document) as KeptSkill;
}

export function skillById(workspaceId: string, id: string) {
  return build
    .selectFrom('skills')
    .select('document')
    .where('id', '=', id)
    .where('workspace_id', '=', workspaceId)
    .compile();
}

/** The archives of its versions. */
export function archivesOf(skillId: string) {
  return build.selectFrom('skill_versions').select('sha256').where('skill_id', '=', skillId).compile();
}

/** The id of a skill, if this workspace has it: what the rows below it are looked up by. */
export function ownSkill(workspaceId: string, id: string) {
  return build.selectFrom('skills').select('id').where('id', '=', id).where('workspace_id', '=', workspaceId);
}

export function changeSkill(workspaceId: string, skill: KeptSkill) {
  return build.updateTable('skills').set(skillRow(workspaceId, skill)).where('id', '=', skill.id).compile();
}

/** A version by its id, its number in decimal, or as the latest. */
export function versionByAnyName(skill: string | ReturnType<typeof ownSkill>, version: string) {
  const below = build.selectFrom('skill_versions').select('document').where('skill_id', '=', skill);
  if (version === 'latest') return below.orderBy('number', 'desc').limit(1).compile();
  const isNumber = /^[1-9]\d{0,15}$/.test(version);
  return below.where(isNumber ? 'number' : 'id', '=', isNumber ? Number(version) : version).compile();
}

function skillVersionRow(version: KeptSkillVersion): SkillVersionRow {
  return {
    id: version.id,
    skill_id: version.skillId,
    number: version.number,
    sha256: version.archive.sha256,
    document: JSON.stringify(version),
  };
}

/** Documents are only ever written by `skillVersionRow`, from a KeptSkillVersion. */
export function skillVersionOf(row: { document: string }): KeptSkillVersion {
  return JSON.parse(row.document) as KeptSkillVersion;
}

export function insertSkillVersion(version: KeptSkillVersion) {
  return build.insertInto('skill_versions').values(skillVersionRow(version)).compile();
}

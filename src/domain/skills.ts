import { formatUs } from '../base/timestamp.ts';
import { invalid, Refusal } from '../protocol/refusal.ts';
import type { OldSkill, OldSkillVersion, Skill, SkillVersion } from '../protocol/skills.ts';
import type { StagedBlob } from './blobs.ts';
import type { SkillBundle, SkillFile } from './skill-bundle.ts';

/** A skill as it is kept. Its name never changes and is its own in a workspace. */
export type KeptSkill = {
  readonly id: string;
  readonly name: string;
  readonly displayName: string;
  readonly latest: { readonly id: string; readonly number: number };
  readonly createdAtUs: number;
  readonly updatedAtUs: number;
};

export type KeptSkillVersion = {
  readonly id: string;
  readonly skillId: string;
  /** Microseconds since the Unix epoch, greater than that of every version before: its older name. */
  readonly number: number;
  readonly name: string;
  readonly description: string;
  /** That the files were in when they were uploaded. */
  readonly directory: string;
  /** A zip archive of the files, in a directory of the skill's name. */
  readonly archive: SkillArchive;
  readonly createdAtUs: number;
};

export type SkillArchive = Pick<StagedBlob, 'sha256' | 'bytes'>;

/** What is uploaded: the bundle, and the archive that was made of it. */
export type PackedBundle = SkillBundle & { readonly archive: SkillArchive };

/** What a skill and a version of it are called, and when. */
export type SkillBirth = { readonly id: string; readonly versionId: string; readonly nowUs: number };

/** A version with its files, for who works on sessions; null if it is gone. */
export type ReadSkill = (
  skillId: string,
  version: string,
) => Promise<{ readonly version: KeptSkillVersion; readonly files: readonly SkillFile[] } | null>;

export type SkillWithVersion = { readonly skill: KeptSkill; readonly version: KeptSkillVersion };

export function createSkill(
  bundle: PackedBundle,
  displayName: string | null,
  { id, versionId, nowUs }: SkillBirth,
): SkillWithVersion {
  const version = versionOf(bundle, { id: versionId, skillId: id, number: nowUs, nowUs });
  const skill: KeptSkill = {
    id,
    name: bundle.name,
    displayName: displayName ?? bundle.name,
    latest: { id: versionId, number: nowUs },
    createdAtUs: nowUs,
    updatedAtUs: nowUs,
  };
  return { skill, version };
}

/** The new version is the latest one, whatever the clock says. */
export function addVersion(
  skill: KeptSkill,
  bundle: PackedBundle,
  { versionId, nowUs }: Omit<SkillBirth, 'id'>,
): SkillWithVersion {
  if (bundle.name !== skill.name) {
    throw invalid(
      `SKILL.md: the name "${bundle.name}" must stay "${skill.name}", the name of skill ${skill.id}; create a new skill for another name`,
    );
  }
  const number = Math.max(nowUs, skill.latest.number + 1);
  const version = versionOf(bundle, { id: versionId, skillId: skill.id, number, nowUs });
  return { skill: { ...skill, latest: { id: versionId, number }, updatedAtUs: nowUs }, version };
}

/** The skill without one of its versions; `newestLeft` is the latest of the others. */
export function removeVersion(
  skill: KeptSkill,
  newestLeft: KeptSkill['latest'] | null,
  nowUs: number,
): KeptSkill {
  if (newestLeft === null) {
    throw invalid(`cannot delete the only version of skill ${skill.id}; delete the skill instead`);
  }
  return { ...skill, latest: { id: newestLeft.id, number: newestLeft.number }, updatedAtUs: nowUs };
}

type VersionBirth = Pick<KeptSkillVersion, 'id' | 'skillId' | 'number'> & { readonly nowUs: number };

function versionOf(bundle: PackedBundle, { nowUs, ...ids }: VersionBirth): KeptSkillVersion {
  const { name, description, directory } = bundle;
  // Of a staged blob only what stays.
  const { sha256, bytes } = bundle.archive;
  return { ...ids, name, description, directory, archive: { sha256, bytes }, createdAtUs: nowUs };
}

export function skillOf({ id, displayName, latest, createdAtUs, updatedAtUs }: KeptSkill): Skill {
  return {
    id,
    type: 'skill',
    display_name: displayName,
    latest_version_id: latest.id,
    source: { type: 'custom' },
    created_at: formatUs(createdAtUs),
    updated_at: formatUs(updatedAtUs),
  };
}

export function oldSkillOf({ id, displayName, latest, createdAtUs, updatedAtUs }: KeptSkill): OldSkill {
  return {
    id,
    type: 'skill',
    display_title: displayName,
    latest_version: String(latest.number),
    source: 'custom',
    created_at: formatUs(createdAtUs),
    updated_at: formatUs(updatedAtUs),
  };
}

export function skillVersionOf({
  id,
  skillId,
  name,
  description,
  createdAtUs,
}: KeptSkillVersion): SkillVersion {
  return {
    id,
    type: 'skill_version',
    skill_id: skillId,
    name,
    description,
    created_at: formatUs(createdAtUs),
  };
}

export function oldSkillVersionOf(version: KeptSkillVersion): OldSkillVersion {
  return { ...skillVersionOf(version), version: String(version.number), directory: version.directory };
}

export function absentSkill(id: string): Refusal {
  return new Refusal('not_found', `Skill not found: ${id}`);
}

export function absentSkillVersion(version: string): Refusal {
  return new Refusal('not_found', `Skill version not found: ${version}`);
}

export function takenSkillName(name: string): Refusal {
  return new Refusal(
    'conflict',
    `skill_name_taken: a skill with the name "${name}" already exists; add a version to it, or choose another name`,
    { errorCode: 'skill_name_taken', details: { skill_name: name } },
  );
}

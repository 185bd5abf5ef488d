import type { SkillReference } from '../protocol/agent-tools.ts';
import type { SessionResource } from '../protocol/session-resources.ts';
import type { KeptSkillVersion } from './skills.ts';

/** A skill where the agents of a session find it. */
export type MountedSkill = Pick<KeptSkillVersion, 'name' | 'description'> & {
  readonly reference: SkillReference;
  /** Of its directory inside the sandbox. */
  readonly path: string;
};

/** The version that a reference names, for who works on sessions; null if it is gone. */
export type FindSkillVersion = (reference: SkillReference) => Promise<KeptSkillVersion | null>;

const usualPlace = '/workspace/skills';

/** Where the skills of a session stand; a repository that wants the usual place has it. */
export function skillsPlace(resources: readonly SessionResource[]): string {
  const isTaken = resources.some(
    ({ type, mount_path: path }) => type === 'github_repository' && `${path}/`.startsWith(`${usualPlace}/`),
  );
  return isTaken ? '/mnt/skills' : usualPlace;
}

export type FoundSkill = { readonly reference: SkillReference; readonly version: KeptSkillVersion | null };

/** Each in a directory of its name, with a number behind it where an earlier one has the same. What is gone has none. */
export function placeSkills(place: string, found: readonly FoundSkill[]): readonly MountedSkill[] {
  const taken = new Set<string>();
  return found.flatMap(({ reference, version }) => {
    if (version === null) return [];
    const { name, description } = version;
    let directory = name;
    for (let count = 2; taken.has(directory); count++) directory = `${name}-${count}`;
    taken.add(directory);
    return [{ reference, name, description, path: `${place}/${directory}` }];
  });
}

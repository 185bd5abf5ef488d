import type { SessionResource } from '../protocol/session-resources.ts';
import type { MountedSkill } from './mounted-skills.ts';
import type { Repository } from './repositories.ts';

/** What an agent cannot know of its surroundings, in the order of its system prompt (spec/tools.md, System prompt assembly). */

const files = `Files were put here for you. They are below /mnt/session/uploads: list that directory to see them.
They can be read but not changed; work on a copy where you need to.`;

const outputs = `Files that you make for the user belong in /mnt/session/outputs: what is there when you have finished is handed over to them.`;

const repositoriesHead = `Repositories were cloned for you. Pulling and pushing works without credentials of yours: whoever started this session gave them.`;

const memoryHead = `Memory stores keep what is worth knowing beyond this session. Each is a directory of text files: look into those that may help before you begin, and keep in those that can be written what will help another time.`;

const skillsHead = `Skills are directories with instructions and files for particular kinds of work. When your task is of such a kind, read the SKILL.md of the skill before you begin, and what else lies in its directory when you need it.`;

export type ShownSkill = Pick<MountedSkill, 'name' | 'description' | 'path'>;

export type Sections = {
  readonly resources: readonly SessionResource[];
  /** Those that are there. */
  readonly repositories: readonly Repository[];
  readonly skills: readonly ShownSkill[];
  /** The agent can write files, and somebody looks for them. */
  readonly hasOutputs: boolean;
};

export function promptSections({ resources, repositories, skills, hasOutputs }: Sections): readonly string[] {
  const stores = resources.filter((resource) => resource.type === 'memory_store');
  return [
    ...(resources.some(({ type }) => type === 'file') ? [files] : []),
    ...(repositories.length > 0 ? [[repositoriesHead, ...repositories.map(repositoryLine)].join('\n')] : []),
    ...(hasOutputs ? [outputs] : []),
    ...(stores.length > 0 ? [[memoryHead, ...stores.map(storeLine)].join('\n')] : []),
    ...(skills.length > 0 ? [[skillsHead, ...skills.map(skillLine)].join('\n')] : []),
  ];
}

type Store = Extract<SessionResource, { type: 'memory_store' }>;

function storeLine({ name, mount_path, access, description, instructions }: Store): string {
  const rights = access === 'read_only' ? 'can be read but not changed' : 'can be read and written';
  return [
    `- ${mount_path} (${name}): ${rights}.`,
    ...(description ? [`  ${description}`] : []),
    ...(instructions ? [`  Instructions: ${instructions}`] : []),
  ].join('\n');
}

function repositoryLine({ url, mount_path, checkout }: Repository): string {
  if (!checkout) return `- ${mount_path}: ${url}`;
  return `- ${mount_path}: ${url}, ${checkout.type} ${checkout.type === 'branch' ? checkout.name : checkout.sha}`;
}

function skillLine({ name, description, path }: ShownSkill): string {
  return `- ${name} (${path}/SKILL.md): ${description}`;
}

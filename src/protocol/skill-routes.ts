import { z } from 'zod';
import { skillsBeta } from './beta.ts';
import type { Route } from './route.ts';
import { cursor, download, list, read, remove, write } from './route-parts.ts';
import {
  deletedSkillSchema,
  deletedSkillVersionSchema,
  skillForm,
  skillSchema,
  skillSources,
  skillVersionForm,
  skillVersionSchema,
} from './skills.ts';

/** The lines of the route table about skills and their versions: each endpoint has two names in the SDK. */

const style = { beta: null, olderBeta: skillsBeta, messages: 'environments' } as const;
const skills = { ...style, resource: ['skills'] } as const;
const versions = { ...style, resource: ['skills', 'versions'] } as const;
const betaSkills = { ...style, resource: ['beta', 'skills'] } as const;
const betaVersions = { ...style, resource: ['beta', 'skills', 'versions'] } as const;

const skillPath = '/v1/skills/:skill_id';
const versionsPath = `${skillPath}/versions` as const;
const versionPath = `${versionsPath}/:version` as const;

/** The SDK writes a null as nothing. */
const source = z
  .enum(skillSources)
  .or(z.literal('').transform(() => undefined))
  .optional();

const skillCreate = {
  ...write,
  action: 'create',
  summary: 'Create a skill from the files of a directory, or a zip archive of it',
  path: '/v1/skills',
  body: null,
  form: skillForm,
  response: skillSchema,
} as const;
const skillRetrieve = {
  ...read,
  action: 'retrieve',
  summary: 'Get a skill',
  path: skillPath,
  response: skillSchema,
} as const;
const skillList = {
  ...list(skillSchema, cursor(20, 100), { source }),
  action: 'list',
  summary: 'List skills, newest first',
  path: '/v1/skills',
} as const;
const skillDelete = {
  ...remove,
  action: 'delete',
  summary: 'Delete a skill with all its versions',
  path: skillPath,
  response: deletedSkillSchema,
} as const;

const versionCreate = {
  ...write,
  action: 'create',
  summary: 'Add a version to a skill: it becomes the latest one',
  path: versionsPath,
  body: null,
  form: skillVersionForm,
  response: skillVersionSchema,
} as const;
const versionRetrieve = {
  ...read,
  action: 'retrieve',
  summary: 'Get a version of a skill by its id, or the latest one',
  path: versionPath,
  response: skillVersionSchema,
} as const;
const versionList = {
  ...list(skillVersionSchema, cursor(20, 1000), {}),
  action: 'list',
  summary: 'List the versions of a skill, newest first',
  path: versionsPath,
} as const;
const versionDelete = {
  ...remove,
  action: 'delete',
  summary: 'Delete a version of a skill, unless it is the only one',
  path: versionPath,
  response: deletedSkillVersionSchema,
} as const;

export const skillRoutes = {
  'skills create': { ...skills, ...skillCreate },
  'skills retrieve': { ...skills, ...skillRetrieve },
  'skills list': { ...skills, ...skillList },
  'skills delete': { ...skills, ...skillDelete },
  'skills.versions create': { ...versions, ...versionCreate },
  'skills.versions retrieve': { ...versions, ...versionRetrieve },
  'skills.versions list': { ...versions, ...versionList },
  'skills.versions delete': { ...versions, ...versionDelete },
  'beta.skills create': { ...betaSkills, ...skillCreate },
  'beta.skills retrieve': { ...betaSkills, ...skillRetrieve },
  'beta.skills list': { ...betaSkills, ...skillList },
  'beta.skills delete': { ...betaSkills, ...skillDelete },
  'beta.skills.versions create': { ...betaVersions, ...versionCreate },
  'beta.skills.versions retrieve': { ...betaVersions, ...versionRetrieve },
  'beta.skills.versions list': { ...betaVersions, ...versionList },
  'beta.skills.versions delete': { ...betaVersions, ...versionDelete },
  'beta.skills.versions download': {
    ...betaVersions,
    ...download,
    action: 'download',
    summary: 'Download the files of a version as a zip archive',
    path: `${versionPath}/content`,
  },
} as const satisfies Record<string, Route>;

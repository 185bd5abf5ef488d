import { readSkillForm } from '../../control/skill-upload.ts';
import type { SkillCommands, SkillVersionCommands } from '../../control/skills.ts';
import type { KeptSkill, KeptSkillVersion } from '../../domain/skills.ts';
import { oldSkillOf, oldSkillVersionOf, skillOf, skillVersionOf } from '../../domain/skills.ts';
import { skillsBeta } from '../../protocol/beta.ts';
import { invalid } from '../../protocol/refusal.ts';
import type { Skill, SkillPart, SkillVersion } from '../../protocol/skills.ts';
import type { Call, Keys, Some } from '../handlers.ts';

/** Clients of before August 2026 expect the names of then. */
type Betas = { readonly betas: readonly string[] };
const isOlder = ({ betas }: Betas) => betas.includes(skillsBeta);

export function skillRoutes(skills: SkillCommands): Some<Keys<'skills' | 'beta.skills'>> {
  async function create({ body, betas }: Call<'skills create'>) {
    const upload = await readSkillForm(isOlder({ betas }) ? body : withoutTitle(body));
    return shown(await skills.create(upload.files, upload.displayName), { betas });
  }
  async function retrieve({ params, betas }: Call<'skills retrieve'>) {
    return shown(await skills.retrieve(params.skill_id), { betas });
  }
  async function list({ query, betas }: Call<'skills list'>) {
    return pageShown(await skills.list(query), { betas }, shown);
  }
  async function remove({ params: { skill_id: id } }: Call<'skills delete'>) {
    await skills.delete(id);
    return { id, type: 'skill_deleted' } as const;
  }
  return {
    'skills create': create,
    'skills retrieve': retrieve,
    'skills list': list,
    'skills delete': remove,
    'beta.skills create': create,
    'beta.skills retrieve': retrieve,
    'beta.skills list': list,
    'beta.skills delete': remove,
  };
}

export function skillVersionRoutes(
  versions: SkillVersionCommands,
): Some<Keys<'skills.versions' | 'beta.skills.versions'>> {
  async function create({ params, body, betas }: Call<'skills.versions create'>) {
    const { files } = await readSkillForm(body);
    // The first of them lost the directories of file names.
    const terms = { mayBeFlat: isOlder({ betas }) };
    return versionShown(await versions.create(params.skill_id, files, terms), { betas });
  }
  async function retrieve({ params, betas }: Call<'skills.versions retrieve'>) {
    return versionShown(await versions.retrieve(params.skill_id, params.version), { betas });
  }
  async function list({ params, query, betas }: Call<'skills.versions list'>) {
    return pageShown(await versions.list(params.skill_id, query), { betas }, versionShown);
  }
  async function remove({ params, betas }: Call<'skills.versions delete'>) {
    const { id, number } = await versions.delete(params.skill_id, params.version);
    return { id: isOlder({ betas }) ? String(number) : id, type: 'skill_version_deleted' } as const;
  }
  return {
    'skills.versions create': create,
    'skills.versions retrieve': retrieve,
    'skills.versions list': list,
    'skills.versions delete': remove,
    'beta.skills.versions create': create,
    'beta.skills.versions retrieve': retrieve,
    'beta.skills.versions list': list,
    'beta.skills.versions delete': remove,
    'beta.skills.versions download': ({ params }) => versions.download(params.skill_id, params.version),
  };
}

/** `display_title` is a field of the older form only. */
async function* withoutTitle(form: AsyncIterable<SkillPart>): AsyncGenerator<SkillPart> {
  for await (const part of form) {
    if (part.name === 'display_title') throw invalid('display_title: Extra inputs are not permitted');
    yield part;
  }
}

// The types of the answers are today's; who sent the older value expects the older ones.

function shown(skill: KeptSkill, call: Betas): Skill {
  return isOlder(call) ? (oldSkillOf(skill) as unknown as Skill) : skillOf(skill);
}

function versionShown(version: KeptSkillVersion, call: Betas): SkillVersion {
  return isOlder(call) ? oldSkillVersionOf(version) : skillVersionOf(version);
}

type Page<T> = { readonly data: readonly T[]; readonly next_page: string | null };

function pageShown<Kept, Shown>(
  { data, next_page }: Page<Kept>,
  call: Betas,
  show: (kept: Kept, call: Betas) => Shown,
): Page<Shown> {
  const page = { data: data.map((kept) => show(kept, call)), next_page };
  return isOlder(call) ? ({ ...page, has_more: next_page !== null } as Page<Shown>) : page;
}

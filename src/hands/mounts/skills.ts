import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { createGate } from '../../base/gate.ts';
import { skillBundlesAtOnceMax } from '../../domain/limits.ts';
import type { FindSkillVersion, MountedSkill } from '../../domain/mounted-skills.ts';
import { placeSkills } from '../../domain/mounted-skills.ts';
import type { SkillFile } from '../../domain/skill-bundle.ts';
import type { ReadSkill } from '../../domain/skills.ts';
import type { SkillReference } from '../../protocol/agent-tools.ts';

export type SkillSources = { readonly findSkill: FindSkillVersion; readonly readSkill: ReadSkill };

/** Where skills go: a directory of the host, which the sandbox sees read-only at `place`. */
export type SkillPlace = { readonly directory: string; readonly place: string };

export type SkillBringer = (at: SkillPlace, skills: readonly SkillReference[]) => Promise<void>;

/**
 * Brings a directory in line with the skills of a session. Each appears in full or not at all, and goes only
 * together with its reference. A version that is gone stays where it was brought before. Rejects with what
 * could not be read or written; the next time goes on from there.
 */
export function createSkillBringer({ findSkill, readSkill }: SkillSources): SkillBringer {
  const gate = createGate(skillBundlesAtOnceMax);

  return async ({ directory, place }, references) => {
    const record = `${directory}.json`;
    const before = await recorded(record);
    const isAllThere = references.every((reference) => before.has(keyOf(reference)));
    if (isAllThere && references.length === before.size) return;
    const found = await Promise.all(
      references.map(async (reference) => ({ reference, version: await findSkill(reference) })),
    );
    const kept = new Map<string, string>();
    for (const { reference, version } of found) {
      const name = before.get(keyOf(reference));
      if (name !== undefined && version === null) kept.set(keyOf(reference), name);
    }
    const missing: MountedSkill[] = [];
    for (const skill of placeSkills(place, found)) {
      const name = basename(skill.path);
      if (before.get(keyOf(skill.reference)) === name) kept.set(keyOf(skill.reference), name);
      else missing.push(skill);
    }
    if (missing.length === 0 && kept.size === before.size) return;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await write(record, kept);
    await removeOthers(directory, new Set(kept.values()));
    for (const { reference, path } of missing) {
      const name = basename(path);
      const skill = await gate(() => readSkill(reference.skill_id, reference.version));
      if (!skill) continue;
      await unpack(join(directory, name), skill.files);
      kept.set(keyOf(reference), name);
    }
    await write(record, kept);
  };
}

function keyOf({ skill_id, version }: SkillReference): string {
  return `${skill_id}@${version}`;
}

/** Directory by reference, of the skills that are there in full. */
async function recorded(record: string): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(record, 'utf8').catch(() => '[]');
  // Only ever written below.
  return new Map(JSON.parse(text) as [string, string][]);
}

async function write(record: string, skills: ReadonlyMap<string, string>): Promise<void> {
  await writeFile(`${record}.new`, JSON.stringify([...skills]), { flush: true, mode: 0o600 });
  await rename(`${record}.new`, record);
}

async function removeOthers(directory: string, kept: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!kept.has(name)) await rm(join(directory, name), { recursive: true, force: true });
  }
}

/** Readable by whatever user the sandbox runs as, writable by none. */
async function unpack(target: string, files: readonly SkillFile[]): Promise<void> {
  // Beside the directory that the sandbox sees, so that nothing half done is ever seen.
  const incoming = join(dirname(dirname(target)), 'skill.incoming');
  await rm(incoming, { recursive: true, force: true });
  await makeFolder(incoming);
  for (const { path, bytes, isExecutable } of files) {
    const segments = path.split('/');
    if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) {
      throw new Error(`a skill has a file outside of itself: ${path}`);
    }
    await makeFolders(incoming, segments.slice(0, -1));
    const file = join(incoming, path);
    await writeFile(file, bytes, { flag: 'wx' });
    await chmod(file, isExecutable ? 0o555 : 0o444);
  }
  await rename(incoming, target);
}

async function makeFolders(directory: string, segments: readonly string[]): Promise<void> {
  for (const [index] of segments.entries())
    await makeFolder(join(directory, ...segments.slice(0, index + 1)));
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o755);
}

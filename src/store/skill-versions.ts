import { readZip } from '../base/zip.ts';
import type { Blobs } from '../domain/blobs.ts';
import type { SkillVersions } from '../domain/collections.ts';
import { skillBundleBytesMax, skillFilesMax } from '../domain/limits.ts';
import type { FindSkillVersion } from '../domain/mounted-skills.ts';
import type { KeptSkillVersion, ReadSkill } from '../domain/skills.ts';
import type { Contents } from './contents.ts';
import type { Engine, Sql } from './engines/engine.ts';
import { keyset } from './keyset.ts';
import {
  changeSkill,
  insertSkillVersion,
  ownSkill,
  skillById,
  skillOf,
  skillVersionOf,
  versionByAnyName,
} from './skill-rows.ts';
import { build } from './tables.ts';

export function createSkillVersions(engine: Engine, contents: Contents, workspaceId: string): SkillVersions {
  async function find(sql: Sql, skillId: string, version: string): Promise<KeptSkillVersion | null> {
    const [row] = await sql.all(versionByAnyName(ownSkill(workspaceId, skillId), version));
    return row ? skillVersionOf(row) : null;
  }

  return {
    insert(skillId, staged, rule) {
      return contents.write(async (tx, content) => {
        const [row] = await tx.all(skillById(workspaceId, skillId));
        if (!row) return null;
        const made = rule(skillOf(row));
        await content.publish(staged);
        await tx.run(changeSkill(workspaceId, made.skill));
        await tx.run(insertSkillVersion(made.version));
        return made;
      });
    },
    get: (skillId, version) => find(engine.read, skillId, version),
    async page(skillId, query) {
      const select = build
        .selectFrom('skill_versions')
        .select(['number', 'document'])
        .where('skill_id', '=', ownSkill(workspaceId, skillId));
      const rows = await engine.read.all(keyset(select, ['number', 'number'], query).compile());
      return rows.map((row) => ({
        item: skillVersionOf(row),
        position: [row.number, row.number] as const,
      }));
    },
    remove(skillId, version, rule) {
      return contents.write(async (tx, content) => {
        const found = await find(tx, skillId, version);
        const [row] = await tx.all(skillById(workspaceId, skillId));
        if (!found || !row) return null;
        await tx.run(build.deleteFrom('skill_versions').where('id', '=', found.id).compile());
        const newest = await find(tx, skillId, 'latest');
        await tx.run(changeSkill(workspaceId, rule(skillOf(row), newest)));
        await content.release([found.archive.sha256]);
        return found;
      });
    },
  };
}

export function createFindSkill(engine: Engine): FindSkillVersion {
  return async ({ skill_id, version }) => {
    const [row] = await engine.read.all(versionByAnyName(skill_id, version));
    return row ? skillVersionOf(row) : null;
  };
}

export function createReadSkill(engine: Engine, blobs: Blobs): ReadSkill {
  return async (skillId, name) => {
    const [row] = await engine.read.all(versionByAnyName(skillId, name));
    if (!row) return null;
    const version = skillVersionOf(row);
    const chunks: Uint8Array[] = [];
    for await (const chunk of blobs.read(version.archive.sha256)) chunks.push(chunk);
    const limits = { entriesMax: skillFilesMax, bytesMax: skillBundleBytesMax };
    const files = await readZip(Buffer.concat(chunks), limits);
    const below = (path: string) => path.slice(version.name.length + 1);
    return { version, files: files.map((file) => ({ ...file, path: below(file.path) })) };
  };
}

import type { Skills } from '../domain/collections.ts';
import { takenSkillName } from '../domain/skills.ts';
import type { Contents } from './contents.ts';
import type { Engine, Sql } from './engines/engine.ts';
import { keyset } from './keyset.ts';
import { archivesOf, insertSkillVersion, skillById, skillOf, skillRow } from './skill-rows.ts';
import { build } from './tables.ts';

export function createSkills(engine: Engine, contents: Contents, workspaceId: string): Skills {
  return {
    async insert({ skill, version }, staged) {
      await contents.write(async (tx, content) => {
        await refuseTakenName(tx, workspaceId, skill.name);
        await content.publish(staged);
        await tx.run(build.insertInto('skills').values(skillRow(workspaceId, skill)).compile());
        await tx.run(insertSkillVersion(version));
      });
    },
    async get(id) {
      const [row] = await engine.read.all(skillById(workspaceId, id));
      return row ? skillOf(row) : null;
    },
    async page(query) {
      const select = build
        .selectFrom('skills')
        .select(['id', 'created_at_us', 'document'])
        .where('workspace_id', '=', workspaceId);
      const rows = await engine.read.all(keyset(select, ['created_at_us', 'id'], query).compile());
      return rows.map((row) => ({ item: skillOf(row), position: [row.created_at_us, row.id] as const }));
    },
    remove(id) {
      return contents.write(async (tx, content) => {
        const [row] = await tx.all(skillById(workspaceId, id));
        if (!row) return false;
        const archives = await tx.all(archivesOf(id));
        await tx.run(build.deleteFrom('skills').where('id', '=', id).compile());
        await content.release(archives.map(({ sha256 }) => sha256));
        return true;
      });
    },
  };
}

/** Asked inside the transaction: with one writer nobody can take the name in between; an index backs it up. */
async function refuseTakenName(tx: Sql, workspaceId: string, name: string): Promise<void> {
  const query = build
    .selectFrom('skills')
    .select('id')
    .where('workspace_id', '=', workspaceId)
    .where('name', '=', name)
    .limit(1);
  const [taken] = await tx.all(query.compile());
  if (taken) throw takenSkillName(name);
}

import type { Sql } from './engines/engine.ts';
import { build } from './tables.ts';

/** The store has a part of an archive: nothing but the import of the rest may use it. */
export class UnfinishedImport extends Error {}

/** The first schema with the table `imports`, see `migrations.ts`. */
const importsSince = 21;

/** Throws `UnfinishedImport`; whatever the schema of the data is. */
export async function refuseUnfinishedImport(sql: Sql, schema: number): Promise<void> {
  const archive = await archiveOfImport(sql, schema);
  if (archive === null) return;
  throw new UnfinishedImport(
    `an import of ${nameOfArchive(archive)} into this store is not finished, and nothing else may use it before: run \`anthill import\` with that archive again to go on where it was, or with --restart to begin anew`,
  );
}

/** The first line of what is being imported; null: nothing is. */
export async function archiveOfImport(sql: Sql, schema: number): Promise<string | null> {
  if (schema < importsSince) return null;
  const [row] = await sql.all(build.selectFrom('imports').select('archive').compile());
  return row?.archive ?? null;
}

/** What to call an archive, by its first line; that is empty where what came of it is being taken away. */
export function nameOfArchive(firstLine: string): string {
  if (firstLine === '') return 'an archive';
  const { created_at: createdAt } = JSON.parse(firstLine) as { readonly created_at: string };
  return `the archive of ${createdAt}`;
}

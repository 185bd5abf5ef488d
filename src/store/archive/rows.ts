import { CompiledQuery } from 'kysely';
import { archivePageCharacters, archivePageRows } from '../../domain/limits.ts';
import type { Bodies } from '../bodies.ts';
import type { Sql, Tx } from '../engines/engine.ts';
import type { MovedTable } from './moved-tables.ts';

export type Row = readonly unknown[];

/** Every row of a table in the order of its key, as an archive has it, a page of some megabytes at a time. */
export async function* readRows(sql: Sql, table: MovedTable, bodies: Bodies): AsyncGenerator<Row> {
  let after: readonly unknown[] | null = null;
  for (;;) {
    const count: number = await pageSize(sql, table, after);
    if (count === 0) return;
    const columns = table.columns.map(quoted).join(', ');
    for (const row of await sql.all(select(table, columns, { after, limit: count }))) {
      yield table.columns.map((column) => loaded(table, column, { row, bodies }));
      after = table.keys.map((key) => row[key]);
    }
  }
}

/** Rows as `readRows` gave them, in one statement. */
export async function insertRows(
  tx: Tx,
  table: MovedTable,
  { rows, bodies }: { rows: readonly Row[]; bodies: Bodies },
): Promise<void> {
  const values = `(${table.columns.map(() => '?').join(', ')})`;
  const columns = table.columns.map(quoted).join(', ');
  const text = `insert into ${quoted(table.name)} (${columns}) values ${rows.map(() => values).join(', ')}`;
  const parameters = rows.flatMap((row) =>
    row.map((value, at) => (isBody(table, table.columns[at]) ? stored(row, value, bodies) : value)),
  );
  await tx.run(CompiledQuery.raw(text, parameters));
}

type AnyRow = Readonly<Record<string, unknown>>;

/** How many of the next rows go into one page. */
async function pageSize(sql: Sql, table: MovedTable, after: readonly unknown[] | null): Promise<number> {
  const lengths = table.long.map((column) => `coalesce(length(${quoted(column)}), 0)`);
  const size = `${lengths.join(' + ') || '0'} as size`;
  const rows = await sql.all(select(table, size, { after, limit: archivePageRows }));
  let characters = 0;
  const end = rows.findIndex((row) => {
    characters += Number(row['size']);
    return characters > archivePageCharacters;
  });
  return end === -1 ? rows.length : Math.max(1, end);
}

function select(
  table: MovedTable,
  what: string,
  { after, limit }: { after: readonly unknown[] | null; limit: number },
): CompiledQuery<AnyRow> {
  const keys = table.keys.map(quoted).join(', ');
  const places = table.keys.map(() => '?').join(', ');
  const conditions = [
    ...(table.condition === null ? [] : [table.condition]),
    ...(after === null ? [] : [`(${keys}) > (${places})`]),
  ];
  const where = conditions.length === 0 ? '' : ` where ${conditions.join(' and ')}`;
  const text = `select ${what} from ${quoted(table.name)}${where} order by ${keys} limit ?`;
  return CompiledQuery.raw(text, [...(after ?? []), limit]) as CompiledQuery<AnyRow>;
}

/** Where large bodies lie is a matter of each store; an archive has them in their rows. */
function isBody(table: MovedTable, column: string | undefined): boolean {
  return table.name === 'entries' && column === 'body';
}

type Found = { readonly row: AnyRow; readonly bodies: Bodies };

function loaded(table: MovedTable, column: string, { row, bodies }: Found): unknown {
  const value = row[column];
  return isBody(table, column) ? bodies.load(String(row['session_id']), String(value)) : value;
}

function stored([sessionId]: Row, body: unknown, bodies: Bodies): string {
  return bodies.store(String(sessionId), String(body));
}

function quoted(name: string): string {
  return `"${name}"`;
}

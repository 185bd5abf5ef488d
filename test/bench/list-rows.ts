import Database from 'better-sqlite3';

export type Copies = {
  readonly table: string;
  /** Finds the row to copy: the first, if there are several. */
  readonly sample: string;
  readonly count: number;
  /** SQL by column: what differs from row to row, told by `i` from 1 to `count`. All else is as in the sample. */
  readonly differ: Readonly<Record<string, string>>;
};

/**
 * Fills tables with copies of rows that the store itself wrote, a million if need be: at the speed of SQLite, and
 * whatever columns a table has. Not durable: a file of which this failed is of no use.
 */
export function copyRows(path: string, all: readonly Copies[]): void {
  const database = new Database(path);
  database.pragma('journal_mode = OFF');
  database.pragma('synchronous = OFF');
  database.pragma('foreign_keys = OFF');
  database.pragma('cache_size = -200000');
  for (const { table, sample, count, differ } of all) {
    const names = database.prepare(`select name from pragma_table_info('${table}')`).pluck().all();
    const columns = names.map(String);
    const values = columns.map((column) => differ[column] ?? `sample.${column}`);
    database.exec(`
      create temp table sample as select * from ${table} where ${sample} limit 1;
      insert into ${table} (${columns.join(', ')})
        with recursive numbers (i) as (values (1) union all select i + 1 from numbers where i < ${count})
        select ${values.join(', ')} from numbers, sample;
      drop table sample;`);
  }
  database.pragma('journal_mode = WAL');
  database.close();
}

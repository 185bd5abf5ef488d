import Database from 'better-sqlite3';

/** SQL by column: what differs from row to row, told by `i` from 1 on. All else is as in the sample. */
export type Differences = Readonly<Record<string, string>>;

export type Copies = {
  readonly table: string;
  /** Finds the one row to copy. */
  readonly sample: string;
  readonly count: number;
  readonly differ: Differences;
};

/**
 * Fills tables by copying a row that the store itself wrote, a million times if need be: at the speed of SQLite
 * and whatever columns a table has. Not durable while it runs: the file is thrown away if it fails.
 */
export function copyRows(path: string, all: readonly Copies[]): void {
  const database = new Database(path);
  database.pragma('synchronous = OFF');
  database.pragma('cache_size = -200000');
  for (const { table, sample, count, differ } of all) {
    const columns = database
      .prepare(`select name from pragma_table_info('${table}')`)
      .pluck()
      .all()
      .map(String);
    const values = columns.map((column) => differ[column] ?? `sample.${column}`);
    database.exec(`
      create temp table sample as select * from ${table} where ${sample};
      insert into ${table} (${columns.join(', ')})
        with recursive numbers (i) as (values (1) union all select i + 1 from numbers where i < ${count})
        select ${values.join(', ')} from numbers, sample;
      drop table sample;`);
  }
  database.pragma('wal_checkpoint(TRUNCATE)');
  database.close();
}

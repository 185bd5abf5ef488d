import type { CompiledQuery } from 'kysely';

/** Rows by a compiled query. Every query is bounded by its own LIMIT or by a primary key. */
export interface Sql {
  all<Row>(query: CompiledQuery<Row>): Promise<Row[]>;
  /** Number of rows changed. */
  run(query: CompiledQuery<unknown>): Promise<number>;
}

/** What a transaction can do. */
export interface Tx extends Sql {
  /** As `all`; until this transaction ends nobody else changes or locks these rows. Waits for who holds them. */
  lock<Row>(query: CompiledQuery<Row>): Promise<Row[]>;
  /** As `lock`, without the rows that somebody holds. */
  lockFree<Row>(query: CompiledQuery<Row>): Promise<Row[]>;
}

/**
 * A database under the store's queries. A write is one transaction: it commits when `work` resolves and
 * leaves nothing behind when it rejects; it resolves once the commit is durable. It rejects with what
 * `work` threw, or with an Error whose cause says why the database could not commit. Nothing but SQL is
 * awaited inside `work`, and it may be run again from its beginning.
 */
export interface Engine {
  /** Alone: nobody else writes meanwhile, so what `work` has read is true until it is committed. */
  write<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /**
   * Beside others of its kind, never beside a `write`. Right for work that decides by rows which it locked first,
   * by rows that only a `write` changes, and by what an index refuses; everything else it writes blindly.
   * Those with the same key are done one after the other, in the order they came.
   */
  writeBeside<T>(key: string, work: (tx: Tx) => Promise<T>): Promise<T>;
  readonly read: Sql;
  /** Reads of one moment, however long `work` takes; nobody waits for it. */
  snapshot<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
  /** A statement of the schema in this engine's dialect. */
  schema(statement: string): string;
  /** Writes the database anew, after the writes that came before: nothing deleted or overwritten is left in its files. */
  compact(): Promise<void>;
  close(): Promise<void>;
}

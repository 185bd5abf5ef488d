import type { CompiledQuery } from 'kysely';

/** Rows by a compiled query. Every query is bounded by its own LIMIT or by a primary key. */
export interface Sql {
  all<Row>(query: CompiledQuery<Row>): Promise<Row[]>;
  /** Number of rows changed. */
  run(query: CompiledQuery<unknown>): Promise<number>;
}

/**
 * A database under the store's queries. `write` is one transaction: it commits when `work` resolves and
 * leaves nothing behind when it rejects; it resolves once the commit is durable. It rejects with what
 * `work` threw, or with an Error whose cause says why the database could not commit. Nothing but SQL is
 * awaited inside `work`.
 */
export interface Engine {
  write<T>(work: (tx: Sql) => Promise<T>): Promise<T>;
  readonly read: Sql;
  /** Writes the database anew, after the writes that came before: nothing deleted or overwritten is left in its files. */
  compact(): Promise<void>;
  close(): Promise<void>;
}

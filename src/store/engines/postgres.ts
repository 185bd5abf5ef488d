import { CompiledQuery } from 'kysely';
import type { PoolClient } from 'pg';
import { Pool, TypeOverrides, types } from 'pg';
import {
  databaseAnswerMsMax,
  databaseConnectMsMax,
  databaseKeepAliveMs,
  databaseReadersMax,
  databaseWritersMax,
  writeAttemptsMax,
} from '../../domain/limits.ts';
import type { Engine, Sql, Tx } from './engine.ts';
import { parameter, parsedInteger, parsedText, schemaOf } from './postgres-dialect.ts';
import { failureOf, isAway, isRace, isUnprepared } from './postgres-failures.ts';
import type { Statements } from './postgres-statements.ts';
import { createStatements, plain } from './postgres-statements.ts';

/** Of the advisory locks of Anthill in its database; the second number says which. */
export const lockClass = 0x616e_7468;
const writerLock = 1;

type Kind = 'alone' | 'beside';
type Query = (asked: string | Asked) => Promise<Answer>;
type Asked = { readonly text: string; readonly values: readonly unknown[]; readonly name?: string };
type Answer = { readonly rows: unknown[]; readonly rowCount: number | null };

/**
 * PostgreSQL behind the rule that SQLite has by nature: who decides is alone. A `write` holds the writers' lock of the
 * database; a `writeBeside` shares it, so that commits of different sessions run side by side.
 *
 *     write         ▕████▏            ▕████▏
 *     writeBeside         ▕██▏▕█████▏
 *                         ▕███▏▕█▏
 *
 * Whoever vanishes in the middle of a transaction, with its machine or stopped, would keep all others waiting for as long as the
 * database takes it for alive: after `databaseAnswerMsMax` without a word the database ends the transaction.
 */
export function openPostgres(url: string): Engine {
  const readers = poolOf(url, databaseReadersMax);
  const writers = poolOf(url, databaseWritersMax);
  const statements = createStatements();
  const inTurn = createTurns();
  const pending = new Set<Promise<unknown>>();
  let closing = false;

  async function transact<T>(kind: Kind, work: (tx: Tx) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await transactOnce(kind, work);
      } catch (cause) {
        if (!(isRace(cause) || isUnprepared(cause)) || attempt >= writeAttemptsMax) throw cause;
      }
    }
  }

  async function transactOnce<T>(kind: Kind, work: (tx: Tx) => Promise<T>): Promise<T> {
    const client = await connected(writers);
    const query = queryOn(client);
    let isBroken = false;
    try {
      await query(
        `begin; set local idle_in_transaction_session_timeout = ${databaseAnswerMsMax}; ${locks[kind]}`,
      );
      const result = await work(txOf(query, statements));
      await query('commit');
      return result;
    } catch (cause) {
      // A connection that did not answer, or cannot even do this, is of no more use.
      isBroken = isAway(cause);
      if (!isBroken) await query('rollback').catch(() => (isBroken = true));
      throw cause;
    } finally {
      client.release(isBroken);
    }
  }

  function queued<T>(key: string, run: () => Promise<T>): Promise<T> {
    if (closing) return Promise.reject(new Error('the database is closed'));
    const done = inTurn(key, run);
    pending.add(done);
    return done.finally(() => pending.delete(done));
  }

  const write: Engine['write'] = (work) => queued('', () => transact('alone', work));
  return {
    write,
    writeBeside: (key, work) => queued(`beside ${key}`, () => transact('beside', work)),
    read: readerOf(sqlOf(queryOn(readers), statements)),
    snapshot: (work) => snapshotOf(readers, work),
    schema: schemaOf,
    async compact() {
      const tables = await write((tx) => tx.all(ownTables));
      const query = queryOn(writers);
      for (const { name } of tables) await query(`vacuum (full) "${name}"`);
    },
    async close() {
      if (closing) return;
      closing = true;
      await Promise.allSettled(pending);
      await Promise.all([readers.end(), writers.end()]);
    },
  };
}

async function snapshotOf<T>(readers: Pool, work: (sql: Sql) => Promise<T>): Promise<T> {
  const client = await connected(readers);
  const query = queryOn(client);
  let isBroken = false;
  try {
    // Who takes what is read may be slow.
    await query(
      'begin isolation level repeatable read read only; set local idle_in_transaction_session_timeout = 0',
    );
    return await work(sqlOf(query, plain));
  } finally {
    await client.query('rollback').catch(() => (isBroken = true));
    client.release(isBroken);
  }
}

const locks: Readonly<Record<Kind, string>> = {
  alone: `select pg_advisory_xact_lock(${lockClass}, ${writerLock})`,
  beside: `select pg_advisory_xact_lock_shared(${lockClass}, ${writerLock})`,
};

const ownTables: CompiledQuery<{ name: string }> = CompiledQuery.raw(
  'select tablename as name from pg_tables where schemaname = current_schema() and tableowner = current_user',
);

function poolOf(url: string, max: number): Pool {
  const pool = new Pool({
    connectionString: url,
    max,
    connectionTimeoutMillis: databaseConnectMsMax,
    // All that rest are noticed to be dead when the database's machine is gone, not each when it is next used.
    keepAlive: true,
    keepAliveInitialDelayMillis: databaseKeepAliveMs,
    application_name: 'anthill',
    types: typesOfRows(),
  });
  // Of a connection that rests: whoever takes the next one hears of it.
  pool.on('error', () => undefined);
  // Of one that is in use: so does its next query.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

function typesOfRows(): TypeOverrides {
  const overrides = new TypeOverrides();
  overrides.setTypeParser(types.builtins.INT8, parsedInteger);
  overrides.setTypeParser(types.builtins.NUMERIC, parsedInteger);
  overrides.setTypeParser(types.builtins.TEXT, parsedText);
  return overrides;
}

async function connected(pool: Pool): Promise<PoolClient> {
  try {
    return await pool.connect();
  } catch (cause) {
    throw failureOf(cause);
  }
}

function queryOn(client: Pool | PoolClient): Query {
  return async (asked) => {
    try {
      return typeof asked === 'string'
        ? await client.query(timed({ text: asked }))
        : await client.query(timed({ ...asked, values: [...asked.values] }));
    } catch (cause) {
      throw failureOf(cause);
    }
  };
}

/**
 * A connection that fell silent would keep whoever asks waiting for as long as TCP has hope. Changes of the schema take
 * the time they need, and so does waiting for others that make them.
 */
function timed<Asked extends { readonly text: string }>(asked: Asked): Asked & { query_timeout?: number } {
  if (/^(create|alter|drop|vacuum) /.test(asked.text) || asked.text.endsWith(locks.alone)) return asked;
  return { ...asked, query_timeout: databaseAnswerMsMax };
}

function sqlOf(query: Query, statements: Statements): Sql {
  async function ask({ sql, parameters }: CompiledQuery<unknown>): Promise<Answer> {
    try {
      return await query({ ...statements.of(sql), values: parameters.map(parameter) });
    } catch (cause) {
      statements.noteFailure(cause);
      throw cause;
    }
  }
  return {
    all: (asked) => rowsOf(ask(asked)),
    run: async (asked) => (await ask(asked)).rowCount ?? 0,
  };
}

/** Asks again where nothing depends on what was asked before. */
function readerOf(sql: Sql): Sql {
  const again = <T>(ask: () => Promise<T>) =>
    ask().catch((cause: unknown) => {
      if (!isUnprepared(cause)) throw cause;
      return ask();
    });
  return { all: (asked) => again(() => sql.all(asked)), run: (asked) => again(() => sql.run(asked)) };
}

function txOf(query: Query, statements: Statements): Tx {
  const sql = sqlOf(query, statements);
  const withClause = <Row>(asked: CompiledQuery<Row>, clause: string) =>
    sql.all<Row>({ ...asked, sql: `${asked.sql} ${clause}` });
  return {
    ...sql,
    // Rows that refer to a locked one may still be added.
    lock: (asked) => withClause(asked, 'for no key update'),
    lockFree: (asked) => withClause(asked, 'for no key update skip locked'),
  };
}

async function rowsOf<Row>(answer: Promise<Answer>): Promise<Row[]> {
  // Kysely typed the row when it compiled the query.
  return (await answer).rows as Row[];
}

/** Runs what has the same key one after the other. */
function createTurns(): <T>(key: string, run: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return (key, run) => {
    const done = (last.get(key) ?? Promise.resolve()).then(run);
    const settled = done.then(
      () => undefined,
      () => undefined,
    );
    last.set(key, settled);
    void settled.then(() => last.get(key) === settled && last.delete(key));
    return done;
  };
}

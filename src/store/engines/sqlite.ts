import { setImmediate } from 'node:timers/promises';
import Database from 'better-sqlite3';
import type { CompiledQuery } from 'kysely';
import { groupCommitJobsMax, preparedStatementsMax } from '../../domain/limits.ts';
import { diskFailureOf } from '../disk-failures.ts';
import type { Engine, Sql, Tx } from './engine.ts';

type Outcome = { readonly isKept: boolean; readonly settle: () => void };
type Job = { readonly run: (tx: Tx) => Promise<void>; readonly settle: (failure: Error | null) => void };

/**
 * SQLite behind one writer. Decisions that arrive while a commit is in progress are committed together
 * in the next one, each in its own savepoint, so that one that fails takes nothing else with it.
 * Durable means `synchronous = FULL`: on disk before it is acknowledged.
 */
export function openSqlite(path: string): Engine {
  const writer = connect(path);
  // An in-memory database exists once; a file gets a second connection, so readers see committed rows only.
  const reader = path === ':memory:' ? writer : connect(path);
  const sql = sqlOf(writer);
  const aside = reader === writer ? sql : sqlOf(reader);
  // There is one writer: whatever is read is held.
  const tx: Tx = { ...sql, lock: sql.all, lockFree: sql.all };
  const begin = writer.prepare('BEGIN IMMEDIATE');
  const commit = writer.prepare('COMMIT');
  const rollback = writer.prepare('ROLLBACK');
  const savepoint = writer.prepare('SAVEPOINT job');
  const release = writer.prepare('RELEASE job');
  const rollbackToSavepoint = writer.prepare('ROLLBACK TO job');
  const queue: Job[] = [];
  let draining: Promise<void> | null = null;

  async function drain(): Promise<void> {
    while (queue.length > 0) {
      // Let everything that this turn of the event loop brings join the group.
      await setImmediate();
      await commitGroup(queue.splice(0, groupCommitJobsMax));
    }
    draining = null;
  }

  async function commitGroup(group: readonly Job[]): Promise<void> {
    const outcomes: Outcome[] = [];
    try {
      begin.run();
      const run = group.length === 1 ? runAlone : runInSavepoint;
      for (const job of group) outcomes.push(await run(job));
      // What was taken back is written too, if it is committed: refusals alone shall cost no write.
      const isKept = outcomes.some((outcome) => outcome.isKept);
      (isKept ? commit : rollback).run();
    } catch (cause) {
      // Busy, disk full, …: nobody's job failed, so all did. The writer goes on with the next group.
      const failure = diskFailureOf(cause) ?? new Error('the database could not commit', { cause });
      for (const job of group) job.settle(failure);
      if (writer.inTransaction) rollback.run();
      return;
    }
    for (const { settle } of outcomes) settle();
  }

  /** Nobody else's work is in this transaction: taking it back is enough. */
  async function runAlone(job: Job): Promise<Outcome> {
    try {
      await job.run(tx);
      return { isKept: true, settle: () => job.settle(null) };
    } catch (cause) {
      // A full disk ends the transaction by itself.
      if (!writer.inTransaction) throw cause;
      return { isKept: false, settle: () => job.settle(failureOf(cause)) };
    }
  }

  async function runInSavepoint(job: Job): Promise<Outcome> {
    savepoint.run();
    try {
      await job.run(tx);
      release.run();
      return { isKept: true, settle: () => job.settle(null) };
    } catch (cause) {
      // So it does with all savepoints.
      if (!writer.inTransaction) throw cause;
      rollbackToSavepoint.run();
      release.run();
      return { isKept: false, settle: () => job.settle(failureOf(cause)) };
    }
  }

  function write<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      let result: { value: T } | null = null;
      queue.push({
        async run(sql) {
          result = { value: await work(sql) };
        },
        settle: (failure) => (failure === null && result ? resolve(result.value) : reject(failure)),
      });
      draining ??= drain();
    });
  }

  return {
    // Between transactions the writer knows what it wrote; every commit makes another connection read it anew.
    read: {
      all: (query) => (writer.inTransaction ? aside : sql).all(query),
      run: (query) => aside.run(query),
    },
    write,
    writeBeside: (_, work) => write(work),
    // In memory there is no second look at the data: others wait.
    snapshot: (work) => (path === ':memory:' ? write(work) : snapshotOf(path, work)),
    schema: (statement) => statement,
    async compact() {
      while (draining) await draining;
      // It writes the whole database aside, which need not fit into memory.
      writer.pragma('temp_store = FILE');
      writer.exec('VACUUM');
      writer.pragma('temp_store = MEMORY');
      const [log] = writer.pragma('wal_checkpoint(TRUNCATE)') as readonly { readonly busy: number }[];
      if (log?.busy) throw new Error('the database could not empty its log: somebody else reads it');
    },
    async close() {
      await draining;
      if (reader !== writer) reader.close();
      writer.close();
    },
  };
}

/** Anything can be thrown; refusals are Errors and pass as they are. */
function failureOf(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause));
}

async function snapshotOf<T>(path: string, work: (sql: Sql) => Promise<T>): Promise<T> {
  const database = connect(path);
  try {
    // The first read after it fixes the moment.
    database.exec('BEGIN; SELECT count(*) FROM sqlite_schema');
    return await work(sqlOf(database));
  } finally {
    database.close();
  }
}

function connect(path: string): Database.Database {
  const database = new Database(path);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma('foreign_keys = ON');
  database.pragma('busy_timeout = 5000');
  // Savepoints keep what they may have to take back: not in files under /var/tmp.
  database.pragma('temp_store = MEMORY');
  // A page that many commits change is copied into the database once: 16 MB of log, replayed in some 20 ms after a crash.
  database.pragma('wal_autocheckpoint = 4000');
  return database;
}

function sqlOf(database: Database.Database): Sql {
  const statements = new Map<string, Database.Statement<unknown[]>>();
  function prepared(query: CompiledQuery<unknown>): Database.Statement<unknown[]> {
    let statement = statements.get(query.sql);
    if (!statement) {
      // Lists of any length in a filter would each leave a statement behind.
      if (statements.size >= preparedStatementsMax) statements.clear();
      statement = database.prepare<unknown[]>(query.sql);
      statements.set(query.sql, statement);
    }
    return statement;
  }
  return {
    async all<Row>(query: CompiledQuery<Row>) {
      // Kysely typed the row when it compiled the query.
      return prepared(query).all(...query.parameters) as Row[];
    },
    async run(query) {
      return prepared(query).run(...query.parameters).changes;
    },
  };
}

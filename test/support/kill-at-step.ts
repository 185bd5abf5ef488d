import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import Database from 'better-sqlite3';
import pg from 'pg';

/**
 * Loaded before a command (`node --import`): kills its process, as `kill -9` does, right after the step of that
 * number. A step is whatever reaches the disk: a call that writes, syncs, moves or removes a file, and a statement
 * of the database that commits or rewrites it. The first file that is written is step 1.
 */
const at = Number(process.env['KILL_AT_STEP']);
let steps = 0;

function step<T>(result: T, isFirst = false): T {
  if (steps > 0 || isFirst) steps += 1;
  if (steps === at) process.kill(process.pid, 'SIGKILL');
  return result;
}

for (const name of ['writeSync', 'fsyncSync', 'renameSync', 'rmSync'] as const) {
  const original: (...args: never) => unknown = Reflect.get(fs, name);
  Reflect.set(fs, name, (...args: never) => step(original(...args), name === 'writeSync'));
}
syncBuiltinESMExports();

const { prepare, exec, pragma } = Database.prototype;
Database.prototype.prepare = function (this: Database.Database, sql: string) {
  const statement: Database.Statement<unknown[]> = prepare.call(this, sql);
  const run = statement.run.bind(statement);
  return sql === 'COMMIT' ? Object.assign(statement, { run: () => step(run()) }) : statement;
} as typeof prepare;
Database.prototype.exec = function (sql) {
  return step(exec.call(this, sql));
};
Database.prototype.pragma = function (text, options) {
  const result = pragma.call(this, text, options);
  return text.startsWith('wal_checkpoint') ? step(result) : result;
};

/** Of PostgreSQL: kills the process after the first statement that matches was answered. */
const after = process.env['KILL_AFTER_QUERY'];
if (after) {
  const pattern = new RegExp(after);
  for (const { prototype } of [pg.Client, pg.Pool]) {
    const { query } = prototype;
    prototype.query = function (this: unknown, asked: string | { text: string }, ...rest: never[]) {
      const answered: unknown = Reflect.apply(query, this, [asked, ...rest]);
      const text = typeof asked === 'string' ? asked : asked.text;
      if (pattern.test(text) && answered instanceof Promise)
        return answered.finally(() => process.kill(process.pid, 'SIGKILL'));
      return answered;
    } as typeof query;
  }
}

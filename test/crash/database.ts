import { join } from 'node:path';
import Database from 'better-sqlite3';
import { Client } from 'pg';

/** The database that servers work on, from outside. */
export type Watched = {
  /** Records in the log of a session. */
  length(sessionId: string): Promise<number>;
  /** Sessions whose log has a gap or a record too many, or that somebody still holds at rest. */
  complaints(): Promise<readonly unknown[]>;
  /** Keeps the servers from writing to the session until it is called. */
  lock(sessionId: string): Promise<() => Promise<void>>;
  /** Whether a server waits for a lock; on SQLite nobody can see that. */
  isAwaited(): Promise<boolean>;
  close(): Promise<void>;
};

const complaints = `
  select s.id, s.status, s.last_seq, s.lease_owner, s.lost_brains, count(e.seq) as records, max(e.seq) as last
  from sessions s left join entries e on e.session_id = s.id group by s.id
  having count(e.seq) <> s.last_seq or max(e.seq) <> s.last_seq or s.status <> 'idle' or s.lost_brains <> 0`;

export function watchSqlite(dataDir: string): Watched {
  const open = () => new Database(join(dataDir, 'anthill.db'), { timeout: 5_000 });
  const database = open();
  const length = database.prepare('select last_seq from sessions where id = ?').pluck();
  return {
    length: async (id) => Number(length.get(id)),
    complaints: async () => database.prepare(complaints).all(),
    async lock() {
      const locked = open();
      locked.exec('begin immediate');
      return async () => void locked.close();
    },
    isAwaited: async () => true,
    close: async () => void database.close(),
  };
}

export async function watchPostgres(url: string): Promise<Watched> {
  const dial = async () => {
    const client = new Client(url);
    await client.connect();
    return client;
  };
  const client = await dial();
  return {
    length: async (id) =>
      Number((await client.query('select last_seq from sessions where id = $1', [id])).rows[0]?.last_seq),
    complaints: async () => (await client.query(complaints)).rows,
    async lock(id) {
      const locked = await dial();
      await locked.query('begin');
      await locked.query('select 1 from sessions where id = $1 for update', [id]);
      return () => locked.end();
    },
    async isAwaited() {
      const waiting = await client.query(
        `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
      );
      return waiting.rows.length > 0;
    },
    close: () => client.end(),
  };
}

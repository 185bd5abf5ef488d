import { Client, DatabaseError } from 'pg';
import { databaseConnectMsMax, databaseKeepAliveMs, importLockMsMax } from '../../domain/limits.ts';
import { lockClass } from './postgres.ts';

/** Beside the one of writers. */
const importLock = 2;

/**
 * The lock of who imports, as long as a connection of its own lives; resolves with what gives it back. Not through a
 * pooler that shares connections between clients. Rejects when somebody else has it.
 */
export async function holdImportLock(url: string): Promise<() => Promise<void>> {
  const client = new Client({
    connectionString: url,
    application_name: 'anthill import',
    connectionTimeoutMillis: databaseConnectMsMax,
    keepAlive: true,
    keepAliveInitialDelayMillis: databaseKeepAliveMs,
  });
  // Whoever takes the lock when this connection is lost takes the mark of the import, too.
  client.on('error', () => undefined);
  await client.connect();
  try {
    // The database notices within seconds that a machine fell silent.
    await client.query(`set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 2; set tcp_keepalives_count = 3;
      set lock_timeout = ${importLockMsMax}`);
    await client.query(`select pg_advisory_lock(${lockClass}, ${importLock})`);
  } catch (cause) {
    await client.end();
    if (!(cause instanceof DatabaseError && cause.code === '55P03')) throw cause;
    throw new Error('another import into this database is under way; wait for its end, or stop it', {
      cause,
    });
  }
  return () => client.end();
}

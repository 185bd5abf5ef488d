import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asOther, reachable } from './postgres.ts';

export type Pooler = {
  /** The database, by way of the pooler. */
  readonly url: string;
  /** Cuts every connection, and takes new ones again. */
  restart(): Promise<void>;
  remove(): Promise<void>;
};

/** PgBouncer before a database of `startPostgres`: a connection is a client's for one transaction. */
export async function startPooler(databaseUrl: string, connectionsMax: number): Promise<Pooler> {
  const directory = mkdtempSync(join(tmpdir(), 'anthill-pooler-'));
  const { pathname, username, searchParams } = new URL(databaseUrl);
  const settings = join(directory, 'pgbouncer.ini');
  writeFileSync(
    settings,
    `[databases]
* = host=${searchParams.get('host')} user=${username}
[pgbouncer]
auth_type = any
unix_socket_dir = ${directory}
listen_port = 6432
pool_mode = transaction
default_pool_size = ${connectionsMax}
`,
  );
  const host = encodeURIComponent(directory);
  const url = `postgres://${username}@localhost:6432${pathname}?host=${host}`;
  let child = launch(settings);

  async function stop(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
  }

  await reachable(url);
  return {
    url,
    async restart() {
      await stop();
      child = launch(settings);
      await reachable(url);
    },
    async remove() {
      await stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function launch(settings: string): ChildProcess {
  const program = ['setpriv', '--pdeathsig', 'TERM', '/usr/sbin/pgbouncer', '--quiet', settings];
  const [command = '', ...rest] = [...asOther(), ...program];
  return spawn(command, rest, { stdio: 'ignore' });
}

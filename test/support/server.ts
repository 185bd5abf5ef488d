import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { sharedPostgres } from './postgres.ts';

const bin = join(import.meta.dirname, '../../bin/anthill.js');

/** A real server: the bin as a process of its own, on loopback, with a data directory that survives restarts. */
export type ServerProcess = {
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly pid: number;
  /** The official client, given nothing but the address and the key. */
  readonly client: Anthropic;
  /** What the server has logged as an error so far: a clean run logs none. */
  errors(): readonly string[];
  /** All that it has said so far, on stdout and stderr. */
  output(): string;
  /** SIGTERM; resolves with the exit code once the process is gone. */
  stop(): Promise<number | null>;
  /** kill -9. */
  kill(): Promise<void>;
};

export type ServerHome = {
  readonly dataDir: string;
  start(env?: Readonly<Record<string, string>>, args?: readonly string[]): Promise<ServerProcess>;
  /** Runs a start that is expected to fail: exit code and what was said. */
  refusedStart(env: Readonly<Record<string, string>>, args?: readonly string[]): Promise<RefusedStart>;
  /** Ends every server still alive and removes the directory. */
  remove(): Promise<void>;
};

export type RefusedStart = { readonly code: number | null; readonly stderr: string };

/** A place for a server: an empty data directory, and scenario files behind `scripted/<name>`. `within` runs a command there. */
export function serverHome(
  scenarios: Readonly<Record<string, string>> = {},
  within: readonly string[] = [],
): ServerHome {
  const directory = mkdtempSync(join(tmpdir(), 'anthill-server-'));
  const dataDir = join(directory, 'data');
  mkdirSync(join(directory, 'scenarios'));
  for (const [name, text] of Object.entries(scenarios)) {
    writeFileSync(join(directory, 'scenarios', `${name}.yaml`), text);
  }
  const started = new Set<ChildProcess>();
  let database: Promise<Readonly<Record<string, string>>> | null = null;

  async function launch(
    given: Readonly<Record<string, string>>,
    args: readonly string[],
  ): Promise<ChildProcess> {
    database ??= databaseOfRun();
    const env = { ...(await database), ...given };
    const flags = ['--data', dataDir, '--scenarios', join(directory, 'scenarios'), ...args];
    const [command = '', ...before] = [...within, process.execPath, bin, 'up', ...flags];
    const child = spawn(command, before, {
      cwd: directory,
      env: {
        HOME: directory,
        PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
        ANTHILL_LOG_LEVEL: 'error',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    started.add(child);
    return child;
  }

  return {
    dataDir,
    async start(env = {}, args = []) {
      const child = await launch(env, ['--port', '0', ...args]);
      const stderr = textOf(child.stderr);
      const stdout = textOf(child.stdout);
      // The banner is printed once the server listens; an exit before it is a failed start.
      const ready = await Promise.race([once(child.stdout ?? child, 'data'), once(child, 'exit')]);
      if (child.exitCode !== null) throw new Error(`the server ended with ${ready[0]}: ${stderr()}`);
      return runningServer(child, dataDir, { stdout, stderr });
    },
    async refusedStart(env, args = ['--port', '0']) {
      const child = await launch(env, args);
      const stderr = textOf(child.stderr);
      child.stdout?.resume();
      await once(child, 'close');
      return { code: child.exitCode, stderr: stderr() };
    },
    async remove() {
      for (const child of started) await end(child, 'SIGKILL');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** `ANTHILL_TEST_DATABASE=postgres npm test …` runs every server of the tests on a PostgreSQL database of its own. */
async function databaseOfRun(): Promise<Readonly<Record<string, string>>> {
  if (process.env['ANTHILL_TEST_DATABASE'] !== 'postgres') return {};
  return { DATABASE_URL: await (await sharedPostgres()).newDatabase() };
}

type Output = { readonly stdout: () => string; readonly stderr: () => string };

function runningServer(child: ChildProcess, dataDir: string, { stdout, stderr }: Output): ServerProcess {
  const file = JSON.parse(readFileSync(join(dataDir, 'server.json'), 'utf8'));
  const { base_url: baseUrl, api_key: apiKey } = file;
  return {
    baseUrl,
    apiKey,
    pid: child.pid ?? 0,
    client: new Anthropic({ baseURL: baseUrl, apiKey }),
    errors: () =>
      stderr()
        .split('\n')
        .filter((line) => line !== ''),
    output: () => stdout() + stderr(),
    async stop() {
      await end(child, 'SIGTERM');
      return child.exitCode;
    },
    kill: () => end(child, 'SIGKILL'),
  };
}

function textOf(stream: NodeJS.ReadableStream | null): () => string {
  let text = '';
  stream?.on('data', (chunk) => {
    text += String(chunk);
  });
  return () => text;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

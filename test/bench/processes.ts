import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '../..');

export type Server = {
  readonly baseUrl: string;
  readonly apiKey: string;
  /** From spawn to the first 200 of `GET /health`. */
  readonly readyMs: number;
  /** Resident memory now, MiB. */
  memoryMiB(): number;
  /** Processor time so far, all threads together, milliseconds. */
  cpuMs(): number;
  stop(): Promise<void>;
  /** Resolves when the process is gone, if that is what the signal does. */
  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void>;
};

const scenario = `
rules:
  - when: { user: '^tool', step: 0 }
    reply: [{ tool: bash, input: { command: 'echo hello' } }]
  - reply: [{ text: 'Done.' }]
`;

/** In its place: a reply that begins and does not end. */
export const endless = `
rules:
  - reply: [{ text: 'So slow that it never ends.' }]
    chunk_delay_ms: 600000
`;

/** A real server process, on an empty data directory or that of an earlier one, with the scripted model `scripted/bench`. */
export async function startServer(
  directory: string,
  nodeOptions = '',
  env: Readonly<Record<string, string>> = {},
  replies = scenario,
): Promise<Server> {
  const scenarios = join(directory, 'scenarios');
  mkdirSync(scenarios, { recursive: true });
  writeFileSync(join(scenarios, 'bench.yaml'), replies);
  const port = somePort();
  const baseUrl = `http://127.0.0.1:${port}`;
  const begun = performance.now();
  const child = spawn(
    join(root, 'bin/anthill.js'),
    ['up', '--port', String(port), '--data', join(directory, 'data'), '--scenarios', scenarios],
    {
      env: { ...environment(), NODE_OPTIONS: nodeOptions, ...env },
      stdio: 'ignore',
    },
  );
  while (!(await isHealthy(baseUrl))) {
    if (child.exitCode !== null) throw new Error(`the server ended with code ${child.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const readyMs = performance.now() - begun;
  const { api_key: apiKey } = JSON.parse(readFileSync(join(directory, 'data/server.json'), 'utf8'));
  return { baseUrl, apiKey, readyMs, ...running(child) };
}

/** Below the ports that systems hand out to clients. */
export const somePort = () => 20_000 + Math.floor(Math.random() * 12_000);

/** What servers are started in: `node` is the one that runs this. */
export function environment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH']}`, NODE_OPTIONS: '' };
}

/** A floor server, a script beside this file that prints its port, as a process of its own. */
export async function startFloor(script: string, ...args: string[]): Promise<Server> {
  const child = spawn(process.execPath, [join(import.meta.dirname, script), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const begun = performance.now();
  const [line] = await once(child.stdout, 'data');
  const readyMs = performance.now() - begun;
  const baseUrl = `http://127.0.0.1:${String(line).trim()}`;
  return { baseUrl, apiKey: '', readyMs, ...running(child) };
}

function running(child: ChildProcess): Pick<Server, 'memoryMiB' | 'cpuMs' | 'stop' | 'signal'> {
  return {
    memoryMiB: () => memoryMiB(child),
    cpuMs: () => cpuMs(child),
    stop: () => stop(child),
    async signal(name) {
      child.kill(name);
      if (name === 'SIGKILL') await once(child, 'exit');
    },
  };
}

async function isHealthy(baseUrl: string): Promise<boolean> {
  // Refused until it listens; that is what is being waited for.
  const response = await fetch(`${baseUrl}/health`).catch(() => null);
  return response?.status === 200;
}

function memoryMiB({ pid }: ChildProcess): number {
  const [, kibibytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) / 1024;
}

function cpuMs({ pid }: ChildProcess): number {
  // Behind the name, which ends with a bracket, the 12th and 13th field are ticks of 10 ms in user and system mode.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

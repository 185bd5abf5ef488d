import type { ChildProcess, StdioOptions } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** No command of a test takes this long: one that hangs is killed, and fails its test instead of the run. */
const commandMsMax = 240_000;
/** A server that a file starts before all its tests lives until every other file has run, too. */
const serverMsMax = 80 * 60_000;
const bin = join(import.meta.dirname, '..', '..', 'bin', 'anthill.js');

export type Finished = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/** A process under way, what it has said so far, and its end. */
export type Running = {
  readonly process: ChildProcess;
  readonly finished: Promise<Finished>;
  /** Resolves when what it said on one of its outputs matches. */
  said(output: 'stdout' | 'stderr', pattern: RegExp): Promise<RegExpMatchArray>;
};

export type Place = {
  /** Where commands run; nobody's home, no configuration. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** `anthill` with arguments. Standard input is /dev/null unless told. */
  anthill(args: readonly string[], options?: StartOptions): Running;
  /** A script of bash that finds `anthill` on its PATH. */
  shell(script: string, env?: Readonly<Record<string, string>>): Promise<Finished>;
  remove(): void;
};

export type StartOptions = {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: 'ignore' | 'pipe' | 'inherit' | number;
  /** How long it may take. */
  readonly msMax?: number;
};

/** A folder with a home and a PATH of its own, in which real processes run. */
export function createPlace(): Place {
  const folder = mkdtempSync(join(tmpdir(), 'anthill-command-line-'));
  const path = join(folder, 'bin');
  mkdirSync(path);
  symlinkSync(bin, join(path, 'anthill'));
  symlinkSync(process.execPath, join(path, 'node'));
  const env = { PATH: `${path}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin`, HOME: folder };

  function start(
    command: string,
    args: readonly string[],
    { env: more = {}, stdin = 'ignore', msMax = commandMsMax }: StartOptions,
  ): Running {
    const stdio: StdioOptions = [stdin, 'pipe', 'pipe'];
    return watch(spawn(command, args, { cwd: folder, env: { ...env, ...more }, stdio }), msMax);
  }

  return {
    folder,
    env,
    anthill: (args, options = {}) => start(process.execPath, [bin, ...args], options),
    shell: (script, more = {}) => start('bash', ['-euo', 'pipefail', '-c', script], { env: more }).finished,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function watch(child: ChildProcess, msMax: number): Running {
  const text = { stdout: '', stderr: '' };
  for (const output of ['stdout', 'stderr'] as const)
    child[output]?.on('data', (chunk: Buffer) => {
      text[output] += chunk.toString('utf8');
    });
  const finished = new Promise<Finished>((resolve, reject) => {
    const limit = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`it did not end: ${JSON.stringify({ command: child.spawnargs, ...text })}`));
    }, msMax);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(limit);
      resolve({ code, ...text });
    });
  });

  async function said(output: 'stdout' | 'stderr', pattern: RegExp): Promise<RegExpMatchArray> {
    for (;;) {
      const match = pattern.exec(text[output]);
      if (match) return match;
      const ended = await Promise.race([once(child[output] ?? child, 'data').then(() => null), finished]);
      if (ended && !pattern.test(text[output]))
        throw new Error(`it ended without saying ${pattern}: ${JSON.stringify(ended)}`);
    }
  }
  return { process: child, finished, said };
}

export type ServerProcess = {
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly dataDir: string;
  /** SIGTERM, then what it said and its exit code. */
  stop(): Promise<Finished>;
};

/** `anthill up` in a process of its own, ready for requests. */
export async function startServerProcess(
  place: Place,
  { args = [], env = {} }: { args?: readonly string[]; env?: Readonly<Record<string, string>> } = {},
): Promise<ServerProcess> {
  const dataDir = join(place.folder, 'data');
  const flags = ['--port', '0', '--data', dataDir, ...args];
  const server = place.anthill(['up', ...flags], { env, msMax: serverMsMax });
  await server.said('stderr', /"event":"server\.ready"/);
  const { base_url: baseUrl, api_key: apiKey } = JSON.parse(
    readFileSync(join(dataDir, 'server.json'), 'utf8'),
  );
  return {
    baseUrl,
    apiKey,
    dataDir,
    stop() {
      server.process.kill('SIGTERM');
      return server.finished;
    },
  };
}

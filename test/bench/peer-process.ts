import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { environment, somePort } from './processes.ts';

export type PeerProcess = {
  readonly baseUrl: string;
  readonly apiKey: string;
  hasEnded(): boolean;
  stop(): Promise<void>;
};

export type PeerOptions = {
  /** Where the command runs. */
  readonly checkout: string;
  /** A line for a shell that starts the server and stays until it ends. */
  readonly command: string;
  /** For what it keeps, and its output. */
  readonly directory: string;
  readonly modelUrl: string;
};

/** Of Anthill itself, in any version. */
export const anthillCommand =
  'ANTHILL_API_KEY="$ANTHROPIC_API_KEY" ANTHILL_UPSTREAM_BASE_URL="$ANTHROPIC_BASE_URL" ' +
  'ANTHILL_UPSTREAM_API_KEY=none exec node bin/anthill.js up --port "$PORT" --data "$DATA"';

const startMsMax = 60_000;
const stopMsMax = 20_000;
/** One for both: what the peer is asked with, and what it asks the model with. */
const apiKey = 'sk-ant-bench';

/** The server of another checkout. Rejects with a sentence when it ends, or answers nobody, instead of starting. */
export async function startPeer({
  checkout,
  command,
  directory,
  modelUrl,
}: PeerOptions): Promise<PeerProcess> {
  if (!existsSync(checkout)) throw new Error(`there is no directory ${checkout}`);
  const data = join(directory, 'data');
  mkdirSync(data, { recursive: true });
  const outputPath = join(directory, 'output');
  const output = openSync(outputPath, 'w');
  const port = somePort();
  const baseUrl = `http://127.0.0.1:${port}`;
  // A group of its own, because a shell does not always hand on what ends it.
  const child = spawn('sh', ['-c', command], {
    cwd: checkout,
    detached: true,
    env: {
      ...environment(),
      PORT: String(port),
      DATA: data,
      ANTHROPIC_BASE_URL: modelUrl,
      ANTHROPIC_API_KEY: apiKey,
    },
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  await once(child, 'spawn');
  const group = -(child.pid ?? 0);
  const killAtExit = () => signalGroup(group, 'SIGKILL');
  const interrupted = () => process.exit(130);
  process.once('exit', killAtExit).once('SIGINT', interrupted);
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;

  async function stop(): Promise<void> {
    signalGroup(group, 'SIGTERM');
    const until = performance.now() + stopMsMax;
    while (signalGroup(group, 0) && performance.now() < until) await sleep(50);
    signalGroup(group, 'SIGKILL');
    process.off('exit', killAtExit).off('SIGINT', interrupted);
  }

  const until = performance.now() + startMsMax;
  while (!(await isReady(baseUrl))) {
    const isLate = performance.now() > until;
    if (!isLate && !hasEnded()) {
      await sleep(50);
      continue;
    }
    await stop();
    const last = readFileSync(outputPath, 'utf8').trim().split('\n').at(-1);
    const why = isLate
      ? `it did not answer GET /v1/agents with 200 within ${startMsMax / 1000} s`
      : `it ended with ${child.signalCode ?? `code ${child.exitCode}`}`;
    throw new Error(`${why}; the last line of its output: ${last || '(none)'}`);
  }
  return { baseUrl, apiKey, hasEnded, stop };
}

async function isReady(baseUrl: string): Promise<boolean> {
  const headers = {
    'x-api-key': apiKey,
    'anthropic-version': '2023-06-01',
    'anthropic-beta': 'managed-agents-2026-04-01',
  };
  // Refused until it listens; that is what is being waited for.
  const response = await fetch(`${baseUrl}/v1/agents`, { headers, signal: AbortSignal.timeout(5_000) }).catch(
    () => null,
  );
  await response?.body?.cancel();
  return response?.ok === true;
}

/** Whether there was anybody to tell. */
function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(group, signal);
  } catch {
    return false;
  }
}

import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Log } from '../base/log.ts';
import { createLog } from '../base/log.ts';
import type { SandboxProvider } from '../domain/sandbox.ts';
import type { Anthill } from './compose.ts';
import { startAnthill } from './compose.ts';
import type { Config } from './config.ts';
import { readConfig } from './config.ts';
import { writeServerFile } from './first-key.ts';
import { noProvider, openProvider } from './open-provider.ts';
import { readableLine } from './readable-log.ts';
import type { World } from './world.ts';

/** `anthill up`: the server, until SIGTERM or SIGINT. Resolves with the exit code. */
export async function up(args: readonly string[], world: World): Promise<number> {
  const config = readConfig(args, world.env, world.cwd);
  const isReadable = world.stderr.isTTY === true;
  const log = createLog({
    level: config.logLevel,
    write: (line) => world.stderr.write(isReadable ? readableLine(line) : line),
  });
  await forbidCoreDump(log);
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const provider = config.roles.has('hands') ? await ownProvider(config, world) : noProvider;
  const anthill = await startAnthill(config, provider, log);
  writeServerFile(config.dataDir, { base_url: anthill.baseUrl, api_key: anthill.apiKey });
  log.info('server.ready', { baseUrl: anthill.baseUrl, dataDir: config.dataDir, roles: [...config.roles] });
  world.stdout.write(banner(anthill, config));
  if (config.roles.has('hands')) tellCapabilities(provider, log);
  const signal = await stopSignal();
  log.info('server.stopping', { signal });
  await anthill.close();
  log.info('server.stopped');
  return 0;
}

async function ownProvider({ sandbox, dataDir }: Config, world: World): Promise<SandboxProvider> {
  const { provider } = await openProvider(sandbox, {
    dataDir,
    path: world.env['PATH'] ?? '',
    mayInstall: true,
    say: (line) => world.stderr.write(`${line}\n`),
  });
  return provider;
}

function tellCapabilities(provider: SandboxProvider, log: Log): void {
  void provider.capabilities().then(({ provider, unavailable, isolation, limits, network }) => {
    if (unavailable === null) log.info('sandbox.capabilities', { provider, isolation, limits, network });
    else log.error('sandbox.unavailable', { reason: unavailable });
  });
}

/** The memory of a server holds secrets: none of it is written to a file when it crashes. */
async function forbidCoreDump(log: Log): Promise<void> {
  try {
    await promisify(execFile)('prlimit', ['--pid', String(process.pid), '--core=0:0']);
  } catch (cause) {
    log.warn('server.core_dump_allowed', { cause });
  }
}

function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => resolve(name));
  });
}

function banner({ baseUrl, apiKey }: Anthill, { upstream, noAuth, roles }: Config): string {
  if (!roles.has('api'))
    return `\n  Anthill is ready: ${[...roles].join(', ')}; health and metrics at ${baseUrl}\n\n`;
  const model = upstream
    ? ''
    : '\n  No model provider is configured: agents can use the demo model scripted/demo.\n  For a real one start again with ANTHROPIC_API_KEY set, or see README.md.\n';
  return `
  Anthill is ready.

    URL  ${baseUrl}
    key  ${noAuth ? 'none is needed: whoever reaches this port on this machine may do everything' : apiKey}

  Try, in another terminal:

    npx anthill run "List the files in the working directory."
    npx anthill --help
${model}
`;
}

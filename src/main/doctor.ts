import { mkdirSync } from 'node:fs';
import { readConfig } from './config.ts';
import { describeSystem } from './describe-system.ts';
import { openProvider } from './open-provider.ts';
import type { World } from './world.ts';

/** `anthill doctor`: what isolation and limits are active here, or what to do about it. */
export async function doctor(args: readonly string[], world: World): Promise<number> {
  const config = readConfig(args, world.env, world.cwd);
  const { dataDir, upstream, database, webSearch, diskQuotaBytes, sandbox } = config;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const say = (line: string) => world.stdout.write(`${line}\n`);
  const path = world.env['PATH'] ?? '';
  say(`data       ${dataDir}`);
  say(
    `database   ${database ? `PostgreSQL at ${new URL(database.url).host}` : 'SQLite in the data directory'}`,
  );
  say(
    `model      ${upstream ? `${upstream.baseUrl} (${upstream.profile})` : 'scripted/demo only; set ANTHROPIC_API_KEY for a real one'}`,
  );
  say(
    `search     ${webSearch?.backend ?? 'nothing; set web_search in anthill.yaml to let agents search the web'}`,
  );
  say(`roles      ${[...config.roles].join(', ')}`);
  if (!config.roles.has('hands')) return 0;
  const { provider, place } = await openProvider(sandbox, { dataDir, path, mayInstall: false, say });
  const found = await provider.capabilities();
  say(`sandbox    ${found.provider} at ${place}`);
  if (found.unavailable !== null) {
    say(`isolation  none: ${found.unavailable}`);
    return 1;
  }
  say(`isolation  ${found.isolation.join(', ')}`);
  say(`limits     ${found.limits.join(', ')}`);
  say(`disk       ${gibibytes(diskQuotaBytes)} for each session, of which what is over is stopped`);
  say(`network    ${found.network}`);
  for (const line of await describeSystem(config)) say(line);
  return 0;
}

function gibibytes(bytes: number): string {
  return `${Math.round((bytes / 1024 ** 3) * 100) / 100} GiB`;
}

import { mkdirSync } from 'node:fs';
import { ensureBubblewrap } from '../hands/bubblewrap/install.ts';
import { createBubblewrapProvider } from '../hands/bubblewrap/provider.ts';
import { readConfig } from './config.ts';
import type { World } from './world.ts';

/** `anthill doctor`: what isolation and limits are active here, or what to do about it. */
export async function doctor(args: readonly string[], world: World): Promise<number> {
  const { dataDir, upstream, database, webSearch, diskQuotaBytes } = readConfig(args, world.env, world.cwd);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const isRoot = process.getuid?.() === 0;
  const say = (line: string) => world.stdout.write(`${line}\n`);
  const bubblewrap = await ensureBubblewrap({ path: world.env['PATH'] ?? '', isRoot: false, say });
  const found = await createBubblewrapProvider({ bubblewrap, dataDir, isRoot }).capabilities();
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
  say(`sandbox    ${found.provider} at ${bubblewrap}`);
  if (found.unavailable !== null) {
    say(`isolation  none: ${found.unavailable}`);
    return 1;
  }
  say(`isolation  ${found.isolation.join(', ')}`);
  say(`limits     ${found.limits.join(', ')}`);
  say(`disk       ${gibibytes(diskQuotaBytes)} for each session, of which what is over is stopped`);
  say(`network    ${found.network}`);
  return 0;
}

function gibibytes(bytes: number): string {
  return `${Math.round((bytes / 1024 ** 3) * 100) / 100} GiB`;
}

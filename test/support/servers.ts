import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServerHome, ServerProcess } from './server.ts';
import { serverHome } from './server.ts';

/** Two servers on one database, each with a data directory of its own. */
export type Pair = {
  readonly homes: readonly [ServerHome, ServerHome];
  readonly settings: Readonly<Record<string, string>>;
  start(): Promise<readonly [ServerProcess, ServerProcess]>;
  remove(): Promise<void>;
};

export function serverPair(databaseUrl: string, scenarios: Readonly<Record<string, string>> = {}): Pair {
  const filesDir = mkdtempSync(join(tmpdir(), 'anthill-shared-files-'));
  const homes = [serverHome(scenarios), serverHome(scenarios)] as const;
  const settings = {
    DATABASE_URL: databaseUrl,
    ANTHILL_FILES: filesDir,
    ANTHILL_API_KEY: 'sk-ant-of-both-servers',
    ANTHILL_MASTER_KEY: randomBytes(32).toString('base64'),
  };
  return {
    homes,
    settings,
    start: () => Promise.all([homes[0].start(settings), homes[1].start(settings)]),
    async remove() {
      for (const home of homes) await home.remove();
      rmSync(filesDir, { recursive: true, force: true });
    },
  };
}

import { randomBytes } from 'node:crypto';
import type { ServerHome, ServerProcess } from './server.ts';
import { serverHome } from './server.ts';

/** Two servers on one database, each with a data directory of its own and nothing else in common. */
export type Pair = {
  readonly homes: readonly [ServerHome, ServerHome];
  readonly settings: Readonly<Record<string, string>>;
  start(): Promise<readonly [ServerProcess, ServerProcess]>;
  remove(): Promise<void>;
};

export function serverPair(databaseUrl: string, scenarios: Readonly<Record<string, string>> = {}): Pair {
  const homes = [serverHome(scenarios), serverHome(scenarios)] as const;
  const settings = {
    DATABASE_URL: databaseUrl,
    ANTHILL_API_KEY: 'sk-ant-of-both-servers',
    ANTHILL_MASTER_KEY: randomBytes(32).toString('base64'),
  };
  return {
    homes,
    settings,
    start: () => Promise.all([homes[0].start(settings), homes[1].start(settings)]),
    async remove() {
      for (const home of homes) await home.remove();
    },
  };
}

import { randomBytes } from 'node:crypto';
import type { ServerHome, ServerProcess } from './server.ts';
import { serverHome } from './server.ts';

type Texts = Readonly<Record<string, string>>;
type Settings = Texts & { readonly ANTHILL_API_KEY: string };

/** Servers on one database, each with a data directory of its own and nothing else in common. */
export type Fleet = {
  readonly homes: readonly ServerHome[];
  readonly settings: Settings;
  start(more?: Texts): Promise<ServerProcess[]>;
  remove(): Promise<void>;
};

export function serverFleet(size: number, databaseUrl: string, scenarios: Texts = {}): Fleet {
  const homes = Array.from({ length: size }, () => serverHome(scenarios));
  const settings = {
    DATABASE_URL: databaseUrl,
    ANTHILL_API_KEY: 'sk-ant-of-all-servers',
    ANTHILL_MASTER_KEY: randomBytes(32).toString('base64'),
  };
  return {
    homes,
    settings,
    start: (more = {}) => Promise.all(homes.map((home) => home.start({ ...settings, ...more }))),
    async remove() {
      for (const home of homes) await home.remove();
    },
  };
}

/** Two of them. */
export type Pair = {
  readonly homes: readonly [ServerHome, ServerHome];
  readonly settings: Settings;
  start(): Promise<readonly [ServerProcess, ServerProcess]>;
  remove(): Promise<void>;
};

export function serverPair(databaseUrl: string, scenarios: Texts = {}): Pair {
  const { homes, settings, start, remove } = serverFleet(2, databaseUrl, scenarios);
  return {
    homes: both(homes),
    settings,
    start: async () => both(await start()),
    remove,
  };
}

function both<T>([first, second]: readonly T[]): readonly [T, T] {
  if (first === undefined || second === undefined) throw new Error('there are two');
  return [first, second];
}

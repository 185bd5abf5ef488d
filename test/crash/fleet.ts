import { randomBytes } from 'node:crypto';
import { cpSync, globSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Anthropic from '@anthropic-ai/sdk';
import { sharedPostgres } from '../support/postgres.ts';
import type { ServerHome, ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { eventually, processesWith } from '../support/server-processes.ts';
import type { Watched } from './database.ts';
import { watchPostgres, watchSqlite } from './database.ts';
import type { Outside } from './outside.ts';

export type Replica = { readonly home: ServerHome; server: ServerProcess | null };

/**
 * One server or several on one database, behind something that knows which of them live and keeps requests back while
 * none does, as a load balancer does. What was under way when a server died is cut, and the SDK's to send again.
 */
export type Fleet = {
  readonly replicas: readonly [Replica, ...Replica[]];
  /** The official client, with its own retries. */
  readonly client: Anthropic;
  readonly database: Watched;
  /** Who gets the requests of this session, while it lives. */
  readonly pinned: Map<string, Replica>;
  /** Every batch that was sent, by its first text, and what was answered for it. */
  readonly posts: Post[];
  start(replica: Replica): Promise<void>;
  kill(replica: Replica): Promise<void>;
  close(): Promise<void>;
};

/** `accepted`: ids of the events, once a server has answered 200. */
export type Post = { readonly sessionId: string; readonly body: string; accepted: readonly string[] | null };

export type FleetKind = 'one server' | 'three servers on PostgreSQL';

export async function openFleet(kind: FleetKind, outside: Outside, random: () => number): Promise<Fleet> {
  const isShared = kind !== 'one server';
  const replicas = Array.from({ length: isShared ? 3 : 1 }, () => makeReplica(outside));
  const [first] = replicas;
  if (!first) throw new Error('a fleet has servers');
  const url = isShared ? await (await sharedPostgres()).newDatabase() : null;
  const settings = {
    ...outside.settings,
    ...(url === null ? {} : { DATABASE_URL: url }),
    ANTHILL_API_KEY: 'sk-ant-of-the-whole-fleet',
    ANTHILL_MASTER_KEY: randomBytes(32).toString('base64'),
  };
  const start = async (replica: Replica) => {
    replica.server = await replica.home.start(settings);
  };
  await start(first);
  await compiled(first);
  for (const { home } of replicas.slice(1))
    cpSync(join(first.home.dataDir, 'bin'), join(home.dataDir, 'bin'), { recursive: true });
  await Promise.all(replicas.slice(1).map(start));
  const database = url === null ? watchSqlite(first.home.dataDir) : await watchPostgres(url);
  const pinned = new Map<string, Replica>();
  const posts: Post[] = [];

  function placeFor(path: string): Replica | undefined {
    const chosen = pinned.get(/\/sessions\/([^/?]+)/.exec(path)?.[1] ?? '');
    if (chosen?.server) return chosen;
    const live = replicas.filter(({ server }) => server !== null);
    return live[Math.floor(random() * live.length)];
  }

  async function send(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const { pathname, search } = new URL(input instanceof Request ? input.url : input);
    let base = placeFor(pathname)?.server?.baseUrl;
    while (base === undefined) {
      await sleep(25, undefined, { signal: init?.signal ?? undefined });
      base = placeFor(pathname)?.server?.baseUrl;
    }
    const post = postOf(pathname, init);
    if (post) posts.push(post);
    const response = await fetch(`${base}${pathname}${search}`, init);
    if (post && response.ok) {
      const { data } = (await response.clone().json()) as { data: readonly { id: string }[] };
      post.accepted = data.map(({ id }) => id);
    }
    return response;
  }

  return {
    replicas: [first, ...replicas.slice(1)],
    client: new Anthropic({
      baseURL: 'http://fleet.test',
      apiKey: settings.ANTHILL_API_KEY,
      maxRetries: 20,
      logLevel: 'off',
      fetch: send,
    }),
    database,
    pinned,
    posts,
    start,
    async kill(replica) {
      const { server } = replica;
      replica.server = null;
      await server?.kill();
    },
    async close() {
      await database.close();
      for (const { home } of replicas) await home.remove();
    },
  };
}

/** The first start of all compiles what runs in sandboxes; nobody has to wait for that in the middle of a crash. */
async function compiled({ home }: Replica): Promise<void> {
  const programs = () => globSync('bin/*', { cwd: home.dataDir });
  const isDone = () => programs().length > 0 && processesWith(home.dataDir).every((pid) => !isCompiler(pid));
  await eventually(isDone, 'the supervisor is compiled', 60_000);
}

const isCompiler = (pid: number) => processesWith('cc\0-O2').includes(pid);

function makeReplica({ yaml }: Outside): Replica {
  const home = serverHome();
  mkdirSync(home.dataDir, { recursive: true, mode: 0o700 });
  writeFileSync(join(home.dataDir, 'anthill.yaml'), yaml);
  return { home, server: null };
}

function postOf(pathname: string, init: RequestInit | undefined): Post | null {
  const sessionId = /^\/v1\/sessions\/([^/]+)\/events$/.exec(pathname)?.[1];
  if (sessionId === undefined || init?.method?.toUpperCase() !== 'POST') return null;
  return { sessionId, body: String(init.body), accepted: null };
}

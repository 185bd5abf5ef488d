import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CompiledQuery } from 'kysely';
import type { SessionId } from '../base/ids.ts';
import type { Message } from '../domain/hints.ts';
import { hintOf } from '../domain/hints.ts';
import { abandonedUploadMs, postgresVersions, serversLookMs } from '../domain/limits.ts';
import { openBlobFiles } from './blob-files.ts';
import { inlineBodies } from './bodies.ts';
import { openDataDirectory } from './data-directory.ts';
import type { Engine } from './engines/engine.ts';
import { openPostgres } from './engines/postgres.ts';
import { openLine } from './engines/postgres-line.ts';
import { migrate } from './migrations.ts';
import type { Store, StoreOptions } from './open.ts';
import { openStoreOn } from './open.ts';
import { createServers, readLastSeqs, readRecentlyAccepted } from './servers.ts';
import { shareClock } from './shared-clock.ts';

export type PostgresStoreOptions = Omit<StoreOptions, 'filesDir'> & {
  readonly url: string;
  /** For the connection that listens, when `url` leads to a pooler. */
  readonly directUrl: string;
  /** The content of files, in one directory for all servers; `null`: in the database. */
  readonly filesDir: string | null;
  /** What another server has to say. */
  readonly heard: (message: Message) => void;
  /** For a while others were not heard. */
  readonly reopened: () => void;
  /** There may be something to do that no hint told of. */
  readonly missed: () => void;
  /** Whether a stream of this server shows the session. */
  readonly isHeard: (sessionId: SessionId) => boolean;
};

/** A store that other servers use too. */
export type SharedStore = Store & {
  /** Of this server and its data directory: it owns leases. */
  readonly id: string;
  /** How far the clock of this server is ahead of the database's; 0 when that does not matter. */
  readonly skewMs: number;
  /** Says it to the other servers, unless much is still to be said: whether they will hear it. */
  readonly tell: (message: Message) => boolean;
  /** `seq` of client events of the last few seconds, while this server listened to others. */
  readonly recentlyAccepted: (id: SessionId) => Promise<readonly number[]>;
  readonly lastSeqs: (ids: readonly string[]) => Promise<ReadonlyMap<string, number>>;
};

export async function openPostgresStore(options: PostgresStoreOptions): Promise<SharedStore> {
  const { dataDir, url, directUrl, filesDir, heard, reopened, missed, ...rest } = options;
  const directory = openDataDirectory(dataDir);
  const engine = openPostgres(url);
  const id = serverIdOf(dataDir);
  const backListeners: (() => void)[] = [];
  const closers = [async () => directory.close(), () => engine.close()];
  const close = async () => {
    for (const closeOne of closers.splice(0).reverse()) await closeOne();
  };
  try {
    await refuseOtherVersions(engine);
    await migrate(engine);
    const { clock, skewMs } = await shareClock(engine, options.clock);
    const line = await openLine({
      url: directUrl,
      id,
      // Only servers like this one write what it hears.
      heard: (message) => heard(message as Message),
      reopened() {
        for (const listener of backListeners) listener();
        reopened();
      },
    });
    closers.push(() => line.close());
    const nowMs = () => Math.floor(options.clock.nowUs() / 1000);
    const sinceMs = nowMs();
    const servers = await createServers(engine, id, line.renew);
    closers.push(keepLooking(servers.look, missed));
    const store = await openStoreOn(engine, {
      ...rest,
      clock,
      bodies: inlineBodies,
      blobs: filesDir === null ? null : openBlobFiles(filesDir, { abandonedMs: abandonedUploadMs }),
      servers,
      afterCommit(commit) {
        options.afterCommit(commit);
        line.say(hintOf(commit, options.isHeard(commit.sessionId)));
      },
    });
    return {
      ...store,
      id,
      skewMs,
      tell: line.sayIfQuiet,
      recentlyAccepted: (sessionId) => readRecentlyAccepted(engine, sessionId, { nowMs: nowMs(), sinceMs }),
      lastSeqs: (ids) => readLastSeqs(engine, ids),
      whenBack: (listener) => void backListeners.push(listener),
      close,
    };
  } catch (cause) {
    await close();
    throw cause;
  }
}

/** What this data directory is called among servers. */
function serverIdOf(dataDir: string): string {
  const path = join(dataDir, 'server.id');
  if (!existsSync(path)) writeFileSync(path, `server_${randomUUID()}`, { mode: 0o600 });
  return readFileSync(path, 'utf8').trim();
}

export async function refuseOtherVersions(engine: Engine): Promise<void> {
  const query: CompiledQuery<{ version: string }> = CompiledQuery.raw(
    "select current_setting('server_version_num') as version",
  );
  const [row] = await engine.read.all(query);
  const major = Math.floor(Number(row?.version) / 10_000);
  if (major >= postgresVersions.from) return;
  throw new Error(
    `the database is PostgreSQL ${major}; Anthill needs ${postgresVersions.from} to ${postgresVersions.to}`,
  );
}

function keepLooking(look: () => Promise<boolean>, missed: () => void): () => Promise<void> {
  const done = new AbortController();
  async function loop(): Promise<void> {
    while (!done.signal.aborted) {
      await sleep(serversLookMs, null, { signal: done.signal }).catch(() => undefined);
      // While the database is away nobody can do anything about it.
      if (!done.signal.aborted && (await look().catch(() => false))) missed();
    }
  }
  const ended = loop();
  return async () => {
    done.abort();
    await ended;
  };
}

import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Collections } from '../domain/collections.ts';
import type { Commit, Leases, SessionLog } from '../domain/session/session-log.ts';
import { createAgents } from './agents.ts';
import { createApiKeys } from './api-keys.ts';
import { openBodies } from './bodies.ts';
import { openDataDirectory } from './data-directory.ts';
import { openSqlite } from './engines/sqlite.ts';
import { createEnvironments } from './environments.ts';
import { createIdentity } from './identity.ts';
import { createLeases } from './leases.ts';
import { migrate } from './migrations.ts';
import { createSessionLog } from './session-log.ts';
import { createSessions } from './sessions.ts';

export type Store = {
  readonly log: SessionLog;
  readonly leases: Leases;
  readonly collections: Collections;
  close(): Promise<void>;
};

export type StoreOptions = {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly afterCommit: (commit: Commit) => void;
};

/**
 * The embedded store: everything durable in one directory. Its lock proves that no other server is
 * alive on it, so leases that a dead process held are void.
 */
export async function openStore({ dataDir, clock, afterCommit }: StoreOptions): Promise<Store> {
  const directory = openDataDirectory(dataDir);
  const engine = openSqlite(join(dataDir, 'anthill.db'));
  await migrate(engine);
  const leases = createLeases(engine, clock);
  await leases.voidAll();
  return {
    log: createSessionLog({ engine, bodies: openBodies(join(dataDir, 'blobs')), afterCommit }),
    leases,
    collections: {
      agents: createAgents(engine),
      environments: createEnvironments(engine),
      sessions: createSessions(engine),
      apiKeys: createApiKeys(engine),
      identity: createIdentity(engine),
    },
    async close() {
      await engine.close();
      directory.close();
    },
  };
}

import { randomUUID } from 'node:crypto';
import { systemClock } from '../base/clock.ts';
import type { SessionId } from '../base/ids.ts';
import type { Message } from '../domain/hints.ts';
import type { Claimant, Commit } from '../domain/session/session-log.ts';
import type { Store } from '../store/open.ts';
import { openStore } from '../store/open.ts';
import type { SharedStore } from '../store/open-postgres.ts';
import { openPostgresStore } from '../store/open-postgres.ts';
import type { Config } from './config.ts';

export type StoreEvents = {
  readonly afterCommit: (commit: Commit) => void;
  readonly claimant: Claimant;
  readonly heard: (message: Message) => void;
  readonly reopened: () => void;
  readonly missed: () => void;
  readonly isHeard: (sessionId: SessionId) => boolean;
};

export type Opened = {
  readonly store: Store;
  /** Who owns the leases of this server. */
  readonly owner: string;
  /** The same store, if other servers may use it too. */
  readonly shared: SharedStore | null;
};

/** The store that the configuration asks for: PostgreSQL where it names one, else SQLite in the data directory. */
export async function openConfiguredStore(config: Config, events: StoreEvents): Promise<Opened> {
  const { dataDir, filesDir, database } = config;
  const { roles } = config;
  const scope = roles.has('hands') ? 'all' : 'self_hosted';
  const common = { dataDir, clock: systemClock, scope, ...events } as const;
  if (database === null) {
    const store = await openStore({ ...common, ...(filesDir === null ? {} : { filesDir }) });
    return { store, owner: randomUUID(), shared: null };
  }
  const shared = await openPostgresStore({ ...common, filesDir, ...database });
  return { store: shared, owner: shared.id, shared };
}

import { join } from 'node:path';
import { newId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import { removeSession } from '../control/sessions.ts';
import type { Hands } from '../domain/hands.ts';
import { retentionBatchRows } from '../domain/limits.ts';
import { cutoffUs } from '../domain/retention.ts';
import { removeLeftovers } from '../hands/leftovers.ts';
import { packNothing } from '../hands/snapshots.ts';
import { Refusal } from '../protocol/refusal.ts';
import type { Store } from '../store/open.ts';
import { expireFiles } from '../workers/expire-files.ts';
import { retain } from '../workers/retain.ts';
import type { Config } from './config.ts';

export type HouseParts = {
  readonly store: Store;
  readonly config: Config;
  readonly hands: Hands;
  readonly organizationId: string;
  readonly log: Log;
};

/** What is taken away once its time has come, in the background: nobody waits for it. */
export function keepHouse({ store, config, hands, organizationId, log }: HouseParts) {
  const { clock } = store;
  const { retention: settings, dataDir, roles } = config;
  // What is everybody's is one role's to tend; what is on this machine is nobody else's.
  const tendsAll = roles.has('scheduler');
  const emptySnapshot = packNothing();

  /** As if a client had deleted them. */
  async function* oldSessions(): AsyncGenerator<void> {
    for await (const ids of store.retention.outlived({ settings, nowUs: clock.nowUs() })) {
      for (const id of ids) {
        await removeSession({ log: store.log, clock, newId }, id).catch((cause: unknown) => {
          // Another server, or a client, was first.
          if (!(cause instanceof Refusal)) throw cause;
        });
        yield;
      }
      yield;
    }
  }

  async function* round(): AsyncGenerator<void> {
    const what = { settings, nowUs: clock.nowUs(), emptySnapshot };
    if (tendsAll) {
      yield* oldSessions();
      yield* store.retention.round(what);
    }
    const goneBeforeUs = cutoffUs(settings.sandboxesDays, what.nowUs);
    yield* removeLeftovers({
      directory: join(dataDir, 'sessions'),
      owner: organizationId,
      forsaken: (ids) => store.retention.forsaken(ids, what),
      goneBeforeMs: goneBeforeUs === null ? null : goneBeforeUs / 1000,
      release: (sessionId) => hands.release(sessionId, { discard: true }),
      batch: retentionBatchRows,
    });
  }

  const expiry = tendsAll ? [expireFiles({ fileExpiry: store.fileExpiry, clock, log })] : [];
  const workers = [...expiry, retain({ round, clock, log })];
  return { close: () => Promise.all(workers.map((worker) => worker.close())) };
}

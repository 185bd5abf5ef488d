import type { Log } from '../base/log.ts';
import type { Store } from '../store/open.ts';
import { checkOf, knownMasterKey, openMasterKey, opensCheck, WrongMasterKey } from '../vault/master-key.ts';
import { settleRotation } from '../vault/rotation.ts';
import type { Config } from './config.ts';

/**
 * The key that the secrets of this store are sealed with, after what an interrupted `anthill rotate-key` left
 * has been settled. Throws `WrongMasterKey`.
 */
export async function openStoreKey(store: Store, config: Config, log: Log): Promise<Uint8Array> {
  const mark = await store.sealed.mark();
  const key =
    config.database === null ? keyOfDirectory(config, mark, log) : await keyOfDatabase(store, config, log);
  if (mark !== null) {
    // What is left of the old seals harms nobody who starts a server; the next start tries again.
    await store.sealed.purge().catch((cause) => log.warn('master_key.purge_failed', { cause }));
  }
  return key;
}

function keyOfDirectory({ dataDir, masterKey }: Config, mark: string | null, log: Log): Uint8Array {
  const settled = settleRotation(dataDir, mark);
  if (settled !== 'nothing') log.info('master_key.rotation_settled', { rotation: settled });
  return openMasterKey(dataDir, masterKey);
}

/** Servers on one database open what the others sealed: it knows their key, whatever was used in the directory before. */
async function keyOfDatabase(store: Store, { dataDir, masterKey }: Config, log: Log): Promise<Uint8Array> {
  const key = knownMasterKey(dataDir, masterKey) ?? openMasterKey(dataDir, null);
  const check = await store.organization.identity.getOrCreate('master_key_check', () => checkOf(key));
  if (opensCheck(key, check)) {
    stopWhenChanged(store, key, log);
    return key;
  }
  throw new WrongMasterKey(
    'the master key of this server is not the one of its database; start every server on one database with the same ANTHILL_MASTER_KEY',
  );
}

/**
 * `anthill rotate-key` takes a server for dead that the database does not hear of: when it is back it must seal nothing
 * with the old key, so it stops.
 */
function stopWhenChanged(store: Store, key: Uint8Array, log: Log): void {
  store.whenBack(() => {
    void store.sealed.check().then(
      (check) => {
        if (check === null || opensCheck(key, check)) return;
        log.error('master_key.changed', { hint: 'start this server with the new ANTHILL_MASTER_KEY' });
        process.kill(process.pid, 'SIGTERM');
      },
      (cause: unknown) => log.warn('master_key.not_checked', { cause }),
    );
  });
}

import type { Log } from '../base/log.ts';
import type { Store } from '../store/open.ts';
import { checkOf, openMasterKey, opensCheck, WrongMasterKey } from '../vault/master-key.ts';
import { settleRotation } from '../vault/rotation.ts';
import type { Config } from './config.ts';

/**
 * The key that the secrets of this store are sealed with, after what an interrupted `anthill rotate-key` left
 * has been settled. Throws `WrongMasterKey`.
 */
export async function openStoreKey(
  store: Store,
  { dataDir, masterKey, database }: Config,
  log: Log,
): Promise<Uint8Array> {
  const mark = await store.sealed.mark();
  const settled = settleRotation(dataDir, mark);
  if (settled !== 'nothing') log.info('master_key.rotation_settled', { rotation: settled });
  const key = openMasterKey(dataDir, masterKey);
  if (database !== null) await requireKeyOfDatabase(store, key);
  if (mark !== null) {
    // What is left of the old seals harms nobody who starts a server; the next start tries again.
    await store.sealed.purge().catch((cause) => log.warn('master_key.purge_failed', { cause }));
  }
  return key;
}

/** Servers on one database open what the others sealed. */
async function requireKeyOfDatabase(store: Store, key: Uint8Array): Promise<void> {
  const check = await store.organization.identity.getOrCreate('master_key_check', () => checkOf(key));
  if (opensCheck(key, check)) return;
  throw new WrongMasterKey(
    'the master key of this server is not the one of its database; start every server on one database with the same ANTHILL_MASTER_KEY',
  );
}

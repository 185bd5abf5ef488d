import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../base/clock.ts';
import type { Store } from '../store/open.ts';
import { openStore } from '../store/open.ts';
import { isMasterKey, masterKeyFiles, openMasterKey } from '../vault/master-key.ts';
import { beginRotation, settleRotation } from '../vault/rotation.ts';
import { masterKeyBytes } from '../vault/sealing.ts';
import { ConfigMistake, masterKeyOf, readConfig } from './config.ts';
import { advice, amount, rotateInDatabase } from './rotate-key-postgres.ts';
import type { World } from './world.ts';

/** `anthill rotate-key`: seals every secret with a new master key while no server runs. Resolves with the exit code. */
export async function rotateKey(args: readonly string[], world: World): Promise<number> {
  const config = readConfig(args, world.env, world.cwd);
  const { dataDir, masterKey, database } = config;
  const next = masterKeyOf(world.env, 'ANTHILL_NEW_MASTER_KEY');
  if (database !== null) return await rotateInDatabase(config, next, world);
  refuseUnclear(dataDir, masterKey, next);
  const say = (line: string) => world.stdout.write(`${line}\n`);
  const store = await openStore({ dataDir, clock: systemClock, afterCommit() {} });
  try {
    const settled = await settle(store, dataDir);
    const isDone = next === null ? settled === 'finished' : isMasterKey(dataDir, next);
    if (isDone) {
      say(
        settled === 'finished'
          ? `The change of the master key that was interrupted is finished.${advice(next)}`
          : 'Every secret is sealed with this master key already: nothing to do.',
      );
      return 0;
    }
    const current = openMasterKey(dataDir, masterKey);
    say(`Sealing the secrets in ${dataDir} with a new master key …`);
    const count = await rotate(store, dataDir, { current, next });
    say(`Done: ${amount(count)} sealed with the new master key, and with that alone.${advice(next)}`);
    if (next === null) say(`It is in ${masterKeyFiles(dataDir).key}.`);
    say('Copies of the data directory made before still need the old key.');
    return 0;
  } finally {
    await store.close();
  }
}

function refuseUnclear(dataDir: string, current: Uint8Array | null, next: Uint8Array | null): void {
  if (current && !next)
    throw new ConfigMistake(
      'ANTHILL_MASTER_KEY is set, so the new key has to come from outside too: set ANTHILL_NEW_MASTER_KEY; `openssl rand -base64 32` makes one',
    );
  if (current && next && Buffer.from(current).equals(next))
    throw new ConfigMistake('ANTHILL_NEW_MASTER_KEY: is the same key as ANTHILL_MASTER_KEY');
  if (!existsSync(join(dataDir, 'anthill.db')))
    throw new ConfigMistake(
      `there is no data of an Anthill server in ${dataDir}; --data names its directory`,
    );
}

type Change = { readonly current: Uint8Array; readonly next: Uint8Array | null };

async function rotate(store: Store, dataDir: string, { current, next }: Change): Promise<number> {
  const keys = { current, next: next ?? randomBytes(masterKeyBytes), isKept: next === null };
  const { mark, reseal } = beginRotation(dataDir, keys);
  try {
    return await store.sealed.rewrite(reseal, mark);
  } finally {
    // After a failure this takes back what was begun.
    await settle(store, dataDir);
  }
}

async function settle(store: Store, dataDir: string): Promise<ReturnType<typeof settleRotation>> {
  const mark = await store.sealed.mark();
  const settled = settleRotation(dataDir, mark);
  if (mark !== null) await purge(store);
  return settled;
}

async function purge(store: Store): Promise<void> {
  try {
    await store.sealed.purge();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `the new master key is in use, but remains of the old seals are still in the database (${why}); the next start of the server, or this command once more, removes them`,
      { cause },
    );
  }
}

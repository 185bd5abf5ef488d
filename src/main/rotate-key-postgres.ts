import { systemClock } from '../base/clock.ts';
import { schemaOfData, schemaVersion } from '../store/migrations.ts';
import type { OpenAlone } from '../store/open-alone.ts';
import { openPostgresBeside } from '../store/open-alone.ts';
import { refuseUnfinishedImport } from '../store/unfinished-import.ts';
import { checkOf, knownMasterKey, opensCheck, WrongMasterKey } from '../vault/master-key.ts';
import { createReseal } from '../vault/rotation.ts';
import type { Config } from './config.ts';
import { ConfigMistake } from './config.ts';
import type { World } from './world.ts';

/**
 * `anthill rotate-key` on PostgreSQL, while no server runs on the database. One transaction seals every secret and
 * says which key they are sealed with, so that a crash leaves either all or nothing; no file is touched.
 */
export async function rotateInDatabase(
  config: Config,
  next: Uint8Array | null,
  world: World,
): Promise<number> {
  const { database, filesDir, dataDir, masterKey } = config;
  if (database === null || next === null)
    throw new ConfigMistake(
      'DATABASE_URL is set, and every server on the database needs the new key: set ANTHILL_NEW_MASTER_KEY; `openssl rand -base64 32` makes one',
    );
  const say = (line: string) => world.stdout.write(`${line}\n`);
  const store = await openPostgresBeside({ url: database.directUrl, filesDir }, systemClock);
  try {
    const check = await checkOfData(store);
    if (opensCheck(next, check)) {
      const isPurged = (await store.sealed.mark()) === null;
      if (!isPurged) await store.sealed.purge();
      say(
        isPurged
          ? 'Every secret is sealed with this master key already: nothing to do.'
          : `The change of the master key that was interrupted is finished.${advice(next)}`,
      );
      return 0;
    }
    const current = knownMasterKey(dataDir, masterKey);
    if (current === null)
      throw new ConfigMistake('set ANTHILL_MASTER_KEY to the key that the servers on this database have now');
    if (!opensCheck(current, check))
      throw new WrongMasterKey('the master key is not the one of this database; nothing was changed');
    say('Sealing the secrets in the database with a new master key …');
    const count = await store.sealed.rewrite(createReseal(current, next), checkOf(next));
    await store.sealed.purge();
    say(`Done: ${amount(count)} sealed with the new master key, and with that alone.${advice(next)}`);
    say('Backups of the database made before still need the old key.');
    return 0;
  } finally {
    await store.close();
  }
}

/** What the database knows its key by. */
async function checkOfData({ engine, sealed }: OpenAlone): Promise<string> {
  const schema = await schemaOfData(engine.read);
  await refuseUnfinishedImport(engine.read, schema);
  if (schema > 0 && schema !== schemaVersion)
    throw new Error(
      `the database has schema ${schema} and this Anthill schema ${schemaVersion}; use the Anthill that its servers run`,
    );
  const check = schema === 0 ? null : await sealed.check();
  if (check === null) throw new ConfigMistake('there is no data of an Anthill server in this database');
  return check;
}

export function amount(count: number): string {
  return count === 1 ? '1 secret is' : `${count} secrets are`;
}

/** For who keeps the key outside. */
export function advice(next: Uint8Array | null): string {
  return next === null
    ? ''
    : ' From now on start the server with ANTHILL_MASTER_KEY set to what ANTHILL_NEW_MASTER_KEY is now.';
}

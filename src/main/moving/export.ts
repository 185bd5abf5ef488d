import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { packWorkspace } from '../../hands/snapshots.ts';
import type { PackedWorkspace } from '../../store/archive/export.ts';
import { exportArchive } from '../../store/archive/export.ts';
import type { Tally } from '../../store/archive/format.ts';
import type { OpenAlone } from '../../store/open-alone.ts';
import { openPostgresBeside, openSqliteAlone } from '../../store/open-alone.ts';
import { masterKeyFiles } from '../../vault/master-key.ts';
import { settleRotation } from '../../vault/rotation.ts';
import type { Config } from '../config.ts';
import { ConfigMistake, readConfig } from '../config.ts';
import { versionOf } from '../version.ts';
import type { World } from '../world.ts';
import { archiveArguments, openOutput } from './archive-file.ts';
import { showProgress } from './progress.ts';

/** `anthill export FILE`: everything durable as one archive. Resolves with the exit code. */
export async function exportAll(args: readonly string[], world: World): Promise<number> {
  const { file, flags } = archiveArguments(args);
  const config = readConfig(flags, world.env, world.cwd);
  const out = file === '-' ? world.stderr : world.stdout;
  const source = await openSource(config);
  try {
    const output = await openOutput(file, world);
    // At the other end of a pipe somebody shows how far it is.
    const progress = file === '-' ? null : showProgress(world);
    const tally = await exportArchive(source.store, {
      version: versionOf(),
      nowUs: systemClock.nowUs(),
      masterKeyCheck: source.masterKeyCheck,
      pack: source.pack,
      write: output.write,
      told: (amount) => progress?.tell('exporting', amount),
    })
      .finally(() => progress?.end())
      .catch(async (cause: unknown) => {
        await output.giveUp();
        throw cause;
      });
    await output.finish();
    out.write(`Exported ${counted(tally)}.\n`);
    out.write('Whoever has the archive reads every conversation and file in it. Secrets are sealed in it:\n');
    out.write(`it is of use only with the master key of this server, ${keyPlace(config)}.\n`);
    return 0;
  } finally {
    await source.store.close();
  }
}

export function counted({ tables, contents, workspaces }: Tally): string {
  const rows = Object.values(tables).reduce((sum, table) => sum + table.rows, 0);
  const sessions = tables['sessions']?.rows ?? 0;
  return `${rows} rows (${sessions} sessions), ${contents.count} contents of files and the files of ${workspaces.count} sandboxes`;
}

function keyPlace({ masterKey, dataDir, database }: Config): string {
  if (masterKey !== null || database !== null) return 'ANTHILL_MASTER_KEY';
  return masterKeyFiles(dataDir).key;
}

type Source = {
  readonly store: OpenAlone;
  readonly masterKeyCheck: string | null;
  readonly pack: ((sessionId: string) => Promise<PackedWorkspace | null>) | null;
};

async function openSource({ dataDir, filesDir, database }: Config): Promise<Source> {
  if (database !== null) {
    const store = await openPostgresBeside({ url: database.url, filesDir }, systemClock);
    return { store, masterKeyCheck: null, pack: null };
  }
  if (!existsSync(join(dataDir, 'anthill.db')))
    throw new ConfigMistake(
      `there is no data of an Anthill server in ${dataDir}; --data names its directory`,
    );
  const store = await openSqliteAlone({ dataDir, filesDir }, systemClock);
  settleRotation(dataDir, await store.sealed.mark());
  const { check } = masterKeyFiles(dataDir);
  const masterKeyCheck = existsSync(check) ? readFileSync(check, 'utf8').trim() : null;
  const pack = async (sessionId: string): Promise<PackedWorkspace | null> => {
    const packed = await packWorkspace(join(dataDir, 'sessions'), sessionId);
    return packed && { sessionId, createdAtUs: systemClock.nowUs(), ...packed };
  };
  return { store, masterKeyCheck, pack };
}

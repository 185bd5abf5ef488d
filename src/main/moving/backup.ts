import { copyFileSync, existsSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { copyWorkspace } from '../../hands/copy-workspace.ts';
import { backUp } from '../../store/backup.ts';
import { masterKeyFiles } from '../../vault/master-key.ts';
import { ConfigMistake, readConfig } from '../config.ts';
import type { World } from '../world.ts';
import { archiveArguments } from './archive-file.ts';

/** `anthill backup DIR`: a copy of the data directory while a server uses it. Resolves with the exit code. */
export async function backup(args: readonly string[], world: World): Promise<number> {
  const { file, flags } = archiveArguments(args);
  const { dataDir, filesDir, database } = readConfig(flags, world.env, world.cwd);
  const directory = resolve(world.cwd, file);
  refuseUnclear(dataDir, directory, database !== null);
  const [from, to] = [dataDir, directory].map((one) => join(one, 'sessions')) as [string, string];
  const done = await backUp({
    dataDir,
    filesDir: filesDir ?? join(dataDir, 'files'),
    directory,
    copyWorkspace: (sessionId) => copyWorkspace(from, to, sessionId),
  });
  const check = masterKeyFiles(dataDir).check;
  if (existsSync(check)) copyFileSync(check, masterKeyFiles(directory).check);
  world.stdout.write(
    `Backed up into ${directory}: the database, ${done.copied} new contents (${done.kept} were there), files of ${done.workspaces} sandboxes.\n`,
  );
  world.stdout.write(
    'The master key is not in it; keep it elsewhere. The directory is a data directory: copy it, put the key beside it, and start `anthill up --data` with the copy.\n',
  );
  return 0;
}

function refuseUnclear(dataDir: string, directory: string, isPostgres: boolean): void {
  if (isPostgres)
    throw new ConfigMistake(
      'DATABASE_URL is set: PostgreSQL is backed up by pg_dump; see docs/operations.md',
    );
  if (!existsSync(join(dataDir, 'anthill.db')))
    throw new ConfigMistake(
      `there is no data of an Anthill server in ${dataDir}; --data names its directory`,
    );
  if (
    `${directory}${sep}`.startsWith(`${dataDir}${sep}`) ||
    `${dataDir}${sep}`.startsWith(`${directory}${sep}`)
  )
    throw new ConfigMistake('a backup cannot be inside of what it is a copy of, nor around it');
}

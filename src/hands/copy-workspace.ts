import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { removeTree } from './workspaces.ts';

/**
 * The files of a session's sandbox, from one directory of all sessions to another, in the place of an earlier copy.
 * What is written meanwhile may be caught in its middle. False: it has none.
 */
export async function copyWorkspace(from: string, to: string, sessionId: string): Promise<boolean> {
  const source = join(from, sessionId);
  if (!existsSync(source)) return false;
  const target = join(to, sessionId);
  const next = `${target}.new`;
  await removeTree(next);
  await mkdir(next, { recursive: true, mode: 0o700 });
  const common = { env: {} };
  const pack = spawn(
    'tar',
    ['--create', '--sparse', '--one-file-system', '--warning=none', '--directory', source, '.'],
    { ...common, stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const unpack = spawn('tar', ['--extract', '--sparse', '--numeric-owner', '--directory', next], {
    ...common,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const ended = Promise.all([once(pack, 'close'), once(unpack, 'close')]);
  await pipeline(pack.stdout, unpack.stdin).catch(() => undefined);
  const [[packed], [unpacked]] = await ended;
  // 1: something changed while it was read.
  if (packed > 1 || unpacked !== 0)
    throw new Error(`the files of session ${sessionId} could not be copied (tar: ${packed}, ${unpacked})`);
  await removeTree(target);
  await rename(next, target);
  return true;
}

import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const beside = (name: string) => join(import.meta.dirname, name);
const sources = ['supervisor.c', 'launcher.c', 'container.c', 'files.c', 'held.c', 'door.c', 'network.c'].map(
  beside,
);
const headers = ['supervisor.h', 'door.h', 'network.h'].map(beside);

/**
 * Path of the compiled supervisor, built once per source into `directory`. Static, so that it runs in any
 * root file system. Rejects with one sentence when there is no C compiler.
 */
export async function buildSupervisor(directory: string): Promise<string> {
  const hash = createHash('sha256');
  for (const source of [...sources, ...headers]) hash.update(await readFile(source));
  const path = join(directory, `anthill-init-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(path)) return path;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomUUID()}`;
  try {
    await run('cc', ['-O2', '-static', '-o', temporary, ...sources]);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new Error(
      'the sandbox supervisor could not be compiled: install a C compiler (on Debian: apt-get install gcc libc6-dev)',
      { cause },
    );
  }
  return path;
}

import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);

const installSentence =
  "bubblewrap is not installed, and tools are never run without isolation: run `apt-get install bubblewrap` (or your system's equivalent) as root";

/** Where bubblewrap is, or null. */
export function findBubblewrap(path: string): string | null {
  const found = path.split(':').find((directory) => directory !== '' && canRun(`${directory}/bwrap`));
  return found === undefined ? null : `${found}/bwrap`;
}

function canRun(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export type EnsureOptions = {
  /** The `PATH` to search. */
  readonly path: string;
  readonly isRoot: boolean;
  readonly say: (line: string) => void;
};

/** Path of bubblewrap, installing it first where that is allowed; otherwise rejects with one sentence. */
export async function ensureBubblewrap({ path, isRoot, say }: EnsureOptions): Promise<string> {
  const present = findBubblewrap(path);
  if (present !== null) return present;
  const apt = path.split(':').some((directory) => existsSync(`${directory}/apt-get`));
  if (!isRoot || !apt) throw new Error(installSentence);
  say('bubblewrap is missing; installing it with apt-get …');
  const env = { PATH: path, DEBIAN_FRONTEND: 'noninteractive' };
  const install = () => run('apt-get', ['install', '-y', '--no-install-recommends', 'bubblewrap'], { env });
  try {
    // A fresh machine may have no package lists yet.
    await install().catch(async () => {
      await run('apt-get', ['update'], { env });
      await install();
    });
  } catch (cause) {
    throw new Error(installSentence, { cause });
  }
  const installed = findBubblewrap(path);
  if (installed === null) throw new Error(installSentence);
  return installed;
}

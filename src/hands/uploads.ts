import { chmod, mkdir, open, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PlaceFile } from '../domain/files.ts';

/** By path below the directory; what is at a path changes only together with its id. */
export type PlacedFiles = ReadonlyMap<string, string>;

/**
 * Brings a directory in line with the files that a session has. The sandbox sees it read-only, and at once.
 *
 * `record` says what lies where. It never names a file that is not there in full: it is shortened before
 * anything is removed, and extended after everything was added, so that a crash costs some copying.
 * Files that could not be put there are told, and tried again the next time.
 */
export async function placeFiles(
  { directory, record }: { readonly directory: string; readonly record: string },
  wanted: PlacedFiles,
  put: PlaceFile,
): Promise<readonly Unplaced[]> {
  const before = await recorded(record);
  const kept = new Map([...before].filter(([path, id]) => wanted.get(path) === id));
  if (kept.size === before.size && kept.size === wanted.size) return [];
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await write(record, kept);
  await removeOthers(directory, '', kept);
  const added: string[] = [];
  const unplaced: Unplaced[] = [];
  for (const [path, id] of wanted) {
    if (kept.has(path)) continue;
    try {
      await place(directory, path, (target) => put(id, target));
      kept.set(path, id);
      added.push(path);
    } catch (cause) {
      unplaced.push({ path, cause });
    }
  }
  await flushFolders(directory, added);
  await write(record, kept);
  return unplaced;
}

export type Unplaced = { readonly path: string; readonly cause: unknown };

async function recorded(record: string): Promise<PlacedFiles> {
  const text = await readFile(record, 'utf8').catch(() => '[]');
  // Only ever written below.
  return new Map(JSON.parse(text) as [string, string][]);
}

async function write(record: string, files: PlacedFiles): Promise<void> {
  await writeFile(`${record}.new`, JSON.stringify([...files]), { flush: true, mode: 0o600 });
  await rename(`${record}.new`, record);
}

/** `true`: nothing is left in the folder. */
async function removeOthers(directory: string, folder: string, kept: PlacedFiles): Promise<boolean> {
  let isEmpty = true;
  for (const entry of await readdir(join(directory, folder), { withFileTypes: true })) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory() && (await removeOthers(directory, path, kept)))
      await rmdir(join(directory, path));
    else if (entry.isDirectory() || kept.has(path)) isEmpty = false;
    else await rm(join(directory, path));
  }
  return isEmpty;
}

/** Readable by whatever user the sandbox runs as, writable by none. */
async function place(directory: string, path: string, put: (target: string) => Promise<void>): Promise<void> {
  const target = join(directory, path);
  await makeFolders(directory, dirname(path));
  // Beside the directory, so that nothing half done is ever seen.
  const incoming = `${directory}.incoming`;
  await rm(incoming, { force: true });
  await put(incoming);
  await chmod(incoming, 0o444);
  await rename(incoming, target);
}

async function makeFolders(directory: string, path: string): Promise<void> {
  if (path === '.') return;
  await makeFolders(directory, dirname(path));
  const folder = join(directory, path);
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o755);
}

/** New names, of files and of folders, survive a power cut once the folders that hold them are on disk. */
async function flushFolders(directory: string, added: readonly string[]): Promise<void> {
  const folders = new Set(added.flatMap((path) => foldersOf(dirname(path))));
  for (const folder of folders) {
    const handle = await open(join(directory, folder), 'r');
    await handle.sync().finally(() => handle.close());
  }
}

/** A folder and all above it, the directory itself as `.`. */
function foldersOf(path: string): string[] {
  return path === '.' ? ['.'] : [path, ...foldersOf(dirname(path))];
}

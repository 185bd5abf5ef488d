import { constants, lstatSync, mkdirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { chmod, chown, open, opendir, rm, writeFile } from 'node:fs/promises';

/**
 * A directory of the host that an agent can write to, and may change at any moment. A path in it is never trusted:
 * it is walked name by name from open directories (`/proc/self/fd/N/name`), and no link is followed, so that whatever
 * the agent swaps meanwhile, nothing outside of the directory is read, written or removed.
 */

export type TreeEntry = {
  /** Below the directory, without a slash before it; null when it is not UTF-8. */
  readonly path: string | null;
  readonly raw: Buffer;
  readonly isRegular: boolean;
  readonly sizeBytes: number;
  /** Another one whenever the file may have changed: an agent can set times, but not that of the last change. */
  readonly signature: string;
};

export type Tree = {
  readonly entries: readonly TreeEntry[];
  /** False when something was passed over: too much, too deep, or closed to us. */
  readonly isWhole: boolean;
};

export type TreeLimits = { readonly entriesMax: number; readonly depthMax: number };

const slash = 0x2f;
const folderFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Everything but directories; null when there is no such directory. */
export async function scanTree(root: string, limits: TreeLimits): Promise<Tree | null> {
  const entries: TreeEntry[] = [];
  let isWhole = true;
  let count = 0;

  async function walk(folder: FileHandle, prefix: Buffer, depth: number): Promise<void> {
    const names = await opendir(procPath(folder), { bufferSize: 256, encoding: 'latin1' });
    for await (const { name: latin1 } of names) {
      count += 1;
      if (count > limits.entriesMax) isWhole = false;
      if (!isWhole && count > limits.entriesMax) return;
      const name = Buffer.from(latin1, 'latin1');
      const about = lstatSync(within(folder, name), { bigint: true, throwIfNoEntry: false });
      if (!about) continue;
      const raw = Buffer.concat([prefix, name]);
      if (!about.isDirectory()) {
        entries.push({
          path: decoded(raw),
          raw,
          isRegular: about.isFile(),
          sizeBytes: Number(about.size),
          signature: signatureOf(about),
        });
        continue;
      }
      const child = depth < limits.depthMax ? await openFolder(folder, name) : null;
      if (child === null) isWhole = false;
      else await walk(child, Buffer.concat([raw, Buffer.of(slash)]), depth + 1).finally(() => child.close());
    }
  }

  const folder = await open(root, folderFlags).catch((cause: unknown) => {
    if (codeOf(cause) === 'ENOENT') return null;
    throw cause;
  });
  if (folder === null) return null;
  await walk(folder, Buffer.alloc(0), 1).finally(() => folder.close());
  return { entries, isWhole };
}

/** A regular file, open for reading; null when there is none (any more). It may still be written to. */
export async function openRegular(root: string, path: Buffer): Promise<FileHandle | null> {
  const parent = await descend(root, foldersOf(path));
  if (parent === null) return null;
  const file = await open(within(parent, nameOf(path)), readFlags)
    .catch(() => null)
    .finally(() => parent.close());
  if (file === null || (await file.stat()).isFile()) return file;
  await file.close();
  return null;
}

/** All of a file, unless it has more than `bytesMax` bytes or is none: null. */
export async function readRegular(root: string, path: Buffer, bytesMax: number): Promise<Buffer | null> {
  const file = await openRegular(root, path);
  if (file === null) return null;
  try {
    const buffer = Buffer.alloc(bytesMax + 1);
    let length = 0;
    while (length <= bytesMax) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length, length);
      if (bytesRead === 0) return buffer.subarray(0, length);
      length += bytesRead;
    }
    return null;
  } finally {
    await file.close();
  }
}

/**
 * Puts a file at a path, whole and at once, in place of one that may be there; its folders are made. It belongs
 * to whom the directory belongs. Returns its signature. Rejects when something else stands in the way.
 */
export async function putFile(root: string, path: string, bytes: Uint8Array): Promise<string> {
  // Beside the directory, where the agent sees nothing.
  const incoming = `${root}.incoming`;
  const { uid, gid } = lstatSync(root);
  await rm(incoming, { force: true });
  await writeFile(incoming, bytes, { flag: 'wx' });
  await chmod(incoming, 0o644);
  if (uid !== process.getuid?.()) await chown(incoming, uid, gid);
  const raw = Buffer.from(path);
  const parent = await descend(root, foldersOf(raw), { uid, gid });
  if (parent === null) throw new Error(`${path}: its folder cannot be made`);
  try {
    const target = within(parent, nameOf(raw));
    removeEmptyFolder(target);
    renameSync(incoming, target);
    return signatureOf(lstatSync(target, { bigint: true }));
  } finally {
    await parent.close();
  }
}

/** Removes what is at a path, unless it is a folder, and the folders above that are empty then. */
export async function removeEntry(root: string, path: Buffer): Promise<void> {
  let left = path;
  for (let isFile = true; left.length > 0; isFile = false) {
    const parent = await descend(root, foldersOf(left));
    if (parent === null) return;
    try {
      const target = within(parent, nameOf(left));
      if (isFile) unlinkSync(target);
      else rmdirSync(target);
    } catch (cause) {
      // A file that is gone already may have left empty folders behind; a folder that is not empty stays.
      if (!isFile || codeOf(cause) !== 'ENOENT') return;
    } finally {
      await parent.close();
    }
    left = left.subarray(0, Math.max(0, left.lastIndexOf(slash)));
  }
}

type Owner = { readonly uid: number; readonly gid: number };

/** The folder that these names lead to, or null; with an owner the ones that are missing are made. */
async function descend(root: string, names: readonly Buffer[], owner?: Owner): Promise<FileHandle | null> {
  let folder = await open(root, folderFlags);
  for (const name of names) {
    const isMade = owner !== undefined && madeFolder(within(folder, name));
    const next = await openFolder(folder, name).finally(() => folder.close());
    if (next === null) return null;
    if (isMade && owner.uid !== process.getuid?.()) await next.chown(owner.uid, owner.gid);
    folder = next;
  }
  return folder;
}

function openFolder(parent: FileHandle, name: Buffer): Promise<FileHandle | null> {
  return open(within(parent, name), folderFlags).catch(() => null);
}

function madeFolder(path: Buffer): boolean {
  try {
    mkdirSync(path, 0o755);
    return true;
  } catch {
    return false;
  }
}

function removeEmptyFolder(path: Buffer): void {
  try {
    rmdirSync(path);
  } catch {
    // Usually there is none.
  }
}

function procPath(folder: FileHandle): string {
  return `/proc/self/fd/${folder.fd}`;
}

function within(folder: FileHandle, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${procPath(folder)}/`), name]);
}

function foldersOf(path: Buffer): Buffer[] {
  return namesIn(path).slice(0, -1);
}

function nameOf(path: Buffer): Buffer {
  return path.subarray(path.lastIndexOf(slash) + 1);
}

function namesIn(path: Buffer): Buffer[] {
  return path
    .toString('latin1')
    .split('/')
    .map((name) => {
      if (name === '' || name === '.' || name === '..') throw new Error('a path that leads elsewhere');
      return Buffer.from(name, 'latin1');
    });
}

type BigStats = {
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
};

function signatureOf({ ino, size, mtimeNs, ctimeNs }: BigStats): string {
  return `${ino}:${size}:${mtimeNs}:${ctimeNs}`;
}

function decoded(raw: Buffer): string | null {
  const text = raw.toString();
  return Buffer.from(text).equals(raw) ? text : null;
}

function codeOf(cause: unknown): unknown {
  return cause instanceof Error ? Reflect.get(cause, 'code') : undefined;
}

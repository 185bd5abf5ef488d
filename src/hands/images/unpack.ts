import type { Hash } from 'node:crypto';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import {
  chmod,
  lchown,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  symlink,
} from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import type { Header } from 'tar-stream';
import { extract } from 'tar-stream';
import { removeTree } from '../workspaces.ts';

const imageBytesMax = 20 * 1024 * 1024 * 1024;
const linksMax = 40;
const documentBytesMax = 4 * 1024 * 1024;

/**
 * Unpacks an image in OCI layout into an empty directory: its layers in order, each of which may take away what is
 * below it. The file is not trusted: no name in it leads out of the directory, whatever links it makes there.
 */
export async function unpackImage(file: string, root: string, signal: AbortSignal): Promise<void> {
  const blobs = await mkdtemp(`${root}.blobs-`);
  try {
    await readBlobs(file, blobs, signal);
    for (const { digest, mediaType } of await layersOf(blobs)) {
      const packed = createReadStream(join(blobs, digest));
      await unpackLayer(unpacked(packed, mediaType), root, signal);
    }
  } finally {
    await removeTree(blobs);
  }
}

/** The blobs of the layout as files named by their digest, which each of them has. */
async function readBlobs(file: string, blobs: string, signal: AbortSignal): Promise<void> {
  const entries = extract();
  const reading = pipeline(createReadStream(file), entries, { signal });
  reading.catch(() => undefined);
  for await (const entry of entries) {
    const name = entry.header.name.replace(/^\.\//, '');
    const digest = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(name)?.[1];
    const target = name === 'index.json' ? name : digest;
    if (target === undefined || entry.header.type !== 'file') {
      entry.resume();
      continue;
    }
    const hash = createHash('sha256');
    await pipeline(hashing(entry, hash), createWriteStream(join(blobs, target), { flags: 'wx' }), { signal });
    if (digest !== undefined && hash.digest('hex') !== digest)
      throw new Error(`the image is damaged: sha256:${digest} is something else`);
  }
  await reading;
}

async function* hashing(bytes: AsyncIterable<unknown>, hash: Hash): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    if (!(chunk instanceof Uint8Array)) continue;
    hash.update(chunk);
    yield chunk;
  }
}

type Blob = { readonly digest: string; readonly mediaType: string };
const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

async function layersOf(blobs: string): Promise<readonly Blob[]> {
  let document = await readDocument(blobs, 'index.json');
  // An index may name another one, by architecture.
  for (let depth = 0; Array.isArray(document['manifests']) && depth < 3; depth++) {
    const manifests: readonly unknown[] = document['manifests'];
    const chosen = manifests.find(isOurs) ?? manifests[0];
    document = await readDocument(blobs, blobOf(chosen).digest);
  }
  const layers: unknown = document['layers'];
  if (!Array.isArray(layers)) throw new Error('the image has no layers: it must be a tar file in OCI layout');
  return layers.map(blobOf);
}

function isOurs(manifest: unknown): boolean {
  const { platform } = manifest as { platform?: { architecture?: unknown } };
  return platform?.architecture === architectures[process.arch];
}

function blobOf(value: unknown): Blob {
  const { digest, mediaType } = (value ?? {}) as { digest?: unknown; mediaType?: unknown };
  const [, hex] = /^sha256:([0-9a-f]{64})$/.exec(String(digest)) ?? [];
  if (hex === undefined) throw new Error('the image names a part without its sha256');
  return { digest: hex, mediaType: String(mediaType) };
}

async function readDocument(blobs: string, name: string): Promise<Readonly<Record<string, unknown>>> {
  const path = join(blobs, name);
  const about = await lstat(path).catch(() => null);
  if (about === null) throw new Error(`the image has no ${name}: it must be a tar file in OCI layout`);
  if (about.size > documentBytesMax) throw new Error(`the image's ${name} is too large`);
  const document: unknown = JSON.parse(await readFile(path, 'utf8'));
  if (typeof document !== 'object' || document === null)
    throw new Error(`the image's ${name} is no document`);
  // Each member is looked at where it is used.
  return document as Readonly<Record<string, unknown>>;
}

function unpacked(packed: Readable, mediaType: string): Readable {
  if (mediaType.endsWith('gzip')) return packed.pipe(createGunzip());
  if (mediaType.endsWith('zstd')) return packed.pipe(createZstdDecompress());
  return packed;
}

async function unpackLayer(tar: Readable, root: string, signal: AbortSignal): Promise<void> {
  const entries = extract();
  const reading = pipeline(tar, entries, { signal });
  reading.catch(() => undefined);
  let bytes = 0;
  const isRoot = process.getuid?.() === 0;
  /** Of this layer: what it takes away lies below it, never in it. */
  const made = new Set<string>();
  for await (const entry of entries) {
    bytes += entry.header.size ?? 0;
    if (bytes > imageBytesMax) throw new Error('the image is too large');
    const place = await placeOf(root, entry.header.name);
    if (place === null) entry.resume();
    else await putEntry(place, entry, { root, made, isRoot });
  }
  await reading;
}

type Place = { readonly folder: string; readonly name: string };

/** The folder in which an entry belongs, where every part is a real directory below the root; null: the root itself. */
async function placeOf(root: string, path: string): Promise<Place | null> {
  const parts = partsOf(path);
  const name = parts.pop();
  if (name === undefined) return null;
  return { folder: await folderOf(root, parts), name };
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

/** Follows links as a process would whose root this is. What is missing on the way is made. */
async function folderOf(root: string, parts: readonly string[]): Promise<string> {
  const rest = [...parts];
  const at: string[] = [];
  let links = 0;
  while (rest.length > 0) {
    const part = rest.shift() ?? '';
    if (part === '..') at.pop();
    if (part === '..' || part === '.' || part === '') continue;
    const next = join(root, ...at, part);
    const about = await lstat(next).catch(() => null);
    if (about?.isSymbolicLink()) {
      links += 1;
      if (links > linksMax) throw new Error(`the image has too many links on the way to ${parts.join('/')}`);
      const target = await readlink(next);
      if (target.startsWith('/')) at.length = 0;
      rest.unshift(...partsOf(target));
      continue;
    }
    if (about === null) await mkdir(next, { mode: 0o755 });
    else if (!about.isDirectory())
      throw new Error(`the image has a file where /${[...at, part].join('/')} is a directory`);
    at.push(part);
  }
  return join(root, ...at);
}

type Unpacking = { readonly root: string; readonly made: Set<string>; readonly isRoot: boolean };
type Entry = AsyncIterable<unknown> & { readonly header: Header; resume(): void };

const takenAway = '.wh.';
const allTakenAway = '.wh..wh..opq';

async function putEntry({ folder, name }: Place, entry: Entry, context: Unpacking): Promise<void> {
  const { header } = entry;
  const target = join(folder, name);
  if (name === '..') throw new Error(`the image has a file called ${header.name}`);
  if (name === allTakenAway) {
    for (const other of await readdir(folder))
      if (!context.made.has(join(folder, other))) await removeTree(join(folder, other));
  } else if (name.startsWith(takenAway)) {
    const gone = name.slice(takenAway.length);
    if (partsOf(gone).length !== 1 || gone === '..')
      throw new Error(`the image has a file called ${header.name}`);
    await removeTree(join(folder, gone));
  } else {
    context.made.add(target);
    await replace(target, entry, context);
  }
  entry.resume();
}

async function replace(target: string, entry: Entry, { root, isRoot }: Unpacking): Promise<void> {
  const { type, mode = 0o644, linkname, uid = 0, gid = 0 } = entry.header;
  const before = await lstat(target).catch(() => null);
  const isSame = type === 'directory' && before?.isDirectory() === true;
  if (before !== null && !isSame) await removeTree(target);
  if (type === 'directory') {
    if (!isSame) await mkdir(target);
  } else if (type === 'symlink') {
    await symlink(linkname ?? '', target);
  } else if (type === 'link') {
    const source = await placeOf(root, linkname ?? '');
    if (source === null || source.name === '..') throw new Error('the image has a link to no file');
    await link(join(source.folder, source.name), target);
    return;
  } else if (type === 'file' || type === 'contiguous-file') {
    await pipeline(entry, createWriteStream(target, { flags: 'wx' }));
  } else {
    // Devices and pipes: a sandbox has its own.
    return;
  }
  if (isRoot) await lchown(target, uid, gid);
  if (type !== 'symlink') await chmod(target, (mode & 0o777) | (type === 'directory' ? 0o700 : 0));
}

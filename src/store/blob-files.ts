import { createHash, randomUUID } from 'node:crypto';
import {
  constants,
  createReadStream,
  existsSync,
  readdirSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { copyFile, link, open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Blobs, StagedBlob } from '../domain/blobs.ts';
import { makeDirectory, syncDirectory } from './directories.ts';
import { diskFailureOf } from './disk-failures.ts';

/** What the store itself does with content. */
export type BlobFiles = Blobs & {
  /**
   * Gives staged content its name: to be called in the transaction that inserts a row with it. Returns a
   * mark for `settle`, or null when the content was there already.
   */
  publish(staged: StagedBlob): string | null;
  /** To be called in the transaction that takes away the last row with a content. Returns a mark for `settle`. */
  suspect(sha256: string): string;
  /** Marks that a process that died left behind; other leftovers are removed. */
  recover(): Promise<readonly string[]>;
  sha256Of(mark: string): string;
  /** Takes content away, to be called while no transaction can publish it. Resolves when its bytes are gone. */
  remove(sha256: string): Promise<void>;
  forget(mark: string): Promise<void>;
};

const readBytes = 256 * 1024;
const writeBytes = 1024 * 1024;

/**
 * Content as files of a directory: `ab/abcd…` by its SHA-256, and in `pending/` what may be garbage: content
 * that is staged, and empty files `abcd….<uuid>` that mark a content which may have no row, if the process
 * dies before it has looked. So a start looks at these alone, however much is stored.
 */
export function openBlobFiles(directory: string, { abandonedMs = 0 } = {}): BlobFiles {
  const pending = join(directory, 'pending');
  makeDirectory(pending);
  const pathOf = (sha256: string) => join(directory, sha256.slice(0, 2), sha256);

  function mark(sha256: string): string {
    const name = `${sha256}.${randomUUID()}`;
    writeFileSync(join(pending, name), '', { mode: 0o600 });
    return name;
  }

  return {
    async stage(content) {
      const token = randomUUID();
      try {
        return { token, ...(await writeDurably(join(pending, token), content)) };
      } catch (cause) {
        throw diskFailureOf(cause) ?? cause;
      }
    },
    discard: ({ token }) => rm(join(pending, token), { force: true }),
    async share(sha256, path) {
      await link(pathOf(sha256), path).catch(() => copyDurably(pathOf(sha256), path));
    },
    async *read(sha256, range) {
      // The end of a stream is inclusive.
      const part = range && { start: range.start, end: range.end - 1 };
      if (range && range.end <= range.start) return;
      yield* createReadStream(pathOf(sha256), { highWaterMark: readBytes, ...part });
    },
    publish({ sha256, token }) {
      const path = pathOf(sha256);
      if (existsSync(path)) return null;
      const name = mark(sha256);
      makeDirectory(dirname(path));
      renameSync(join(pending, token), path);
      syncDirectory(dirname(path));
      return name;
    },
    suspect: mark,
    async recover() {
      const names = readdirSync(pending);
      const marks = names.filter((name) => name.includes('.'));
      for (const name of names) {
        const path = join(pending, name);
        // Another server's may be under way, or gone by now.
        if (!name.includes('.') && isAbandoned(path, abandonedMs)) await rm(path, { force: true });
      }
      return marks;
    },
    sha256Of: (name) => name.slice(0, name.indexOf('.')),
    async remove(sha256) {
      // Freeing the space of a large file takes time; its name is gone at once.
      const grave = join(pending, randomUUID());
      if (!existsSync(pathOf(sha256))) return;
      renameSync(pathOf(sha256), grave);
      await rm(grave, { force: true });
    },
    forget: (name) => rm(join(pending, name), { force: true }),
  };
}

function isAbandoned(path: string, afterMs: number): boolean {
  if (afterMs === 0) return true;
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat !== undefined && Date.now() - stat.mtimeMs >= afterMs;
}

/** Never over another file; sharing its blocks where the file system can. */
async function copyDurably(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  const file = await open(to, 'r');
  await file.sync().finally(() => file.close());
}

/** A new file, or none at all. */
export async function writeDurably(
  path: string,
  content: AsyncIterable<Uint8Array>,
): Promise<{ sha256: string; bytes: number }> {
  const file = await open(path, 'wx', 0o600);
  try {
    try {
      const written = await write(file, content);
      await file.sync();
      return written;
    } finally {
      await file.close();
    }
  } catch (cause) {
    await rm(path, { force: true });
    throw cause;
  }
}

/** While one batch is on its way to the disk the next one is gathered, so neither side waits for each chunk. */
async function write(
  file: FileHandle,
  content: AsyncIterable<Uint8Array>,
): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  let batch: Uint8Array[] = [];
  let batchBytes = 0;
  let writing = Promise.resolve();
  try {
    for await (const chunk of content) {
      hash.update(chunk);
      bytes += chunk.byteLength;
      batch.push(chunk);
      batchBytes += chunk.byteLength;
      if (batchBytes < writeBytes) continue;
      await writing;
      writing = writeAll(file, Buffer.concat(batch));
      // It may fail while nobody waits for it; whoever does then hears of it.
      writing.catch(() => undefined);
      batch = [];
      batchBytes = 0;
    }
  } finally {
    // Nobody may close the file under it; what it fails with matters only if the content has come.
    await writing.catch(() => undefined);
  }
  await writing;
  await writeAll(file, Buffer.concat(batch));
  return { sha256: hash.digest('hex'), bytes };
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.byteLength; ) at += (await file.write(bytes, at)).bytesWritten;
}

import { promisify } from 'node:util';
import { crc32, inflateRaw } from 'node:zlib';
import type { Entry, ZipFile } from 'yauzl';
import { fromBufferPromise, getFileNameLowLevel } from 'yauzl';
import { ZipFile as ZipWriter } from 'yazl';

/** A file of an archive: its path as it is written there, and whether it may be executed. */
export type ArchivedFile = {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly isExecutable: boolean;
};

/** Why an archive is not read, in words for whoever sent it. */
export class BadArchive extends Error {}

export type ArchiveLimits = {
  /** Files and directories. */
  readonly entriesMax: number;
  /** Of all files, uncompressed. */
  readonly bytesMax: number;
};

/**
 * The files of a zip archive whose author is not trusted. Directories go without saying. What is in memory
 * afterwards is at most `bytesMax`, whatever the archive says about itself: declared sizes are added up
 * before anything is unpacked, and unpacking stops where a declared size is passed. No byte is read twice. Links and special
 * files, encryption, damage and contradictions are `BadArchive`. Paths are not judged.
 */
export async function readZip(bytes: Uint8Array, limits: ArchiveLimits): Promise<ArchivedFile[]> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const zip = await understood(fromBufferPromise(buffer, { decodeStrings: false }));
  const entries = await listFiles(zip, limits);
  const files: ArchivedFile[] = [];
  for (const entry of entries) {
    const path = pathOf(entry);
    files.push({
      path,
      bytes: await contentOf(zip, buffer, entry, path),
      isExecutable: (modeOf(entry) & 0o111) !== 0,
    });
  }
  return files;
}

async function listFiles(zip: ZipFile, { entriesMax, bytesMax }: ArchiveLimits): Promise<Entry[]> {
  if (zip.entryCount > entriesMax) throw new BadArchive(`it has more than ${entriesMax} entries`);
  const files: Entry[] = [];
  let size = 0;
  let packedSize = 0;
  const each = zip.eachEntry();
  for (;;) {
    const next = await understood(each.next());
    if (next.done) return files;
    if (isDirectory(next.value)) continue;
    refuseUnreadable(next.value);
    size += next.value.uncompressedSize;
    packedSize += next.value.compressedSize;
    if (size > bytesMax) throw new BadArchive(`its files are larger than ${bytesMax} bytes`);
    // Data can be much and unpack to nothing: files that share it would have it read again and again.
    if (packedSize > zip.fileSize) throw new BadArchive('its files overlap or are cut off');
    files.push(next.value);
  }
}

const fileTypeMask = 0o170000;
const directoryType = 0o040000;
const regularType = 0o100000;

/** Mode bits of Unix; 0 where the archive was made elsewhere. */
function modeOf({ externalFileAttributes }: Entry): number {
  return externalFileAttributes >>> 16;
}

function isDirectory(entry: Entry): boolean {
  return entry.fileNameRaw.at(-1) === 0x2f || (modeOf(entry) & fileTypeMask) === directoryType;
}

function refuseUnreadable(entry: Entry): void {
  const type = modeOf(entry) & fileTypeMask;
  const problem = (words: string) => new BadArchive(`${quoted(pathOf(entry))} ${words}`);
  if (type !== 0 && type !== regularType) throw problem('is a link or a special file');
  if (entry.isEncrypted()) throw problem('is encrypted');
  if (!entry.canDecodeFileData()) throw problem('is compressed by an unknown method');
}

const utf8Flag = 0x800;

/** Many programs write UTF-8 and do not say so; what is no UTF-8 is read as the specification says. */
function pathOf(entry: Entry): string {
  const { fileNameRaw, extraFields, generalPurposeBitFlag } = entry;
  const flags = isUtf8(fileNameRaw) ? generalPurposeBitFlag | utf8Flag : generalPurposeBitFlag & ~utf8Flag;
  return getFileNameLowLevel(flags, fileNameRaw, extraFields, true);
}

/** Some of a path that may be 64 KB long. */
function quoted(path: string): string {
  return JSON.stringify(path.slice(0, 200));
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

const inflate = promisify(inflateRaw);

async function contentOf(zip: ZipFile, buffer: Buffer, entry: Entry, path: string): Promise<Uint8Array> {
  const { compressedSize, compressionMethod, uncompressedSize } = entry;
  const header = zip.readLocalFileHeaderPromise(entry, { minimal: true });
  const { fileDataStart } = await understood(header);
  const stored = buffer.subarray(fileDataStart, fileDataStart + compressedSize);
  const damaged = (cause?: unknown) => new BadArchive(`${quoted(path)} is damaged`, { cause });
  const content =
    compressionMethod === 0
      ? stored
      : await inflate(stored, { maxOutputLength: Math.max(uncompressedSize, 1) }).catch((cause: unknown) => {
          throw damaged(cause);
        });
  if (content.byteLength !== uncompressedSize || crc32(content) !== entry.crc32) throw damaged();
  return content;
}

/** What the library complains about is wrong with the archive. */
async function understood<T>(step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (cause) {
    throw new BadArchive(cause instanceof Error ? cause.message : 'it cannot be read', { cause });
  }
}

/** An archive of these files, dated `at`, chunk by chunk: the same bytes for the same files. */
export async function* writeZip(files: readonly ArchivedFile[], at: Date): AsyncGenerator<Uint8Array> {
  const zip = new ZipWriter();
  for (const { path, bytes, isExecutable } of files) {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    zip.addBuffer(buffer, path, { mtime: at, mode: regularType | (isExecutable ? 0o755 : 0o644) });
  }
  zip.end();
  for await (const chunk of zip.outputStream) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
}

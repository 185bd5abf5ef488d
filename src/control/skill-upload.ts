import { createGate } from '../base/gate.ts';
import { BadArchive, readZip, writeZip } from '../base/zip.ts';
import type { Blobs, StagedBlob } from '../domain/blobs.ts';
import { skillBundleBytesMax, skillBundlesAtOnceMax, skillFilesMax } from '../domain/limits.ts';
import type { SkillBundle, SkillFile } from '../domain/skill-bundle.ts';
import { bundleOf, tooLargeBundle } from '../domain/skill-bundle.ts';
import { Refusal } from '../protocol/refusal.ts';
import type { SkillPart } from '../protocol/skills.ts';

export type SkillUpload = {
  readonly files: readonly UploadedFile[];
  readonly displayName: string | null;
};

/** A file of a form. */
export type UploadedFile = { readonly filename: string; readonly bytes: Uint8Array };

export type ReadUpload = {
  readonly bundle: SkillBundle;
  /** A zip archive of our own making: whatever else was in an uploaded one is gone. For the caller to discard. */
  readonly staged: StagedBlob;
};

/** Makes a bundle of uploads: all files of a directory one by one, or one zip archive of it. */
export type UploadReader = (files: readonly UploadedFile[], how: UploadTerms) => Promise<ReadUpload>;

export type UploadTerms = {
  /** The directory of files that come without one; null if they may not. */
  readonly flatIn: string | null;
  /** The date of the files in the archive. */
  readonly nowUs: number;
};

/** So many are unpacked and packed at once, each of which may take three times its size in memory. */
export function createUploadReader(blobs: Blobs): UploadReader {
  const gate = createGate(skillBundlesAtOnceMax);
  return (files, { flatIn, nowUs }) =>
    gate(async () => {
      const bundle = bundleOf(await unpacked(files), flatIn);
      return { bundle, staged: await blobs.stage(packed(bundle, nowUs)) };
    });
}

/** A form as it arrives, held in memory: no more of it than a skill may weigh. */
export async function readSkillForm(form: AsyncIterable<SkillPart>): Promise<SkillUpload> {
  const files: UploadedFile[] = [];
  let displayName: string | null = null;
  let size = 0;
  for await (const part of form) {
    if (part.kind === 'field') {
      displayName = part.value;
      continue;
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of part.content) {
      size += chunk.byteLength;
      if (size >= skillBundleBytesMax) throw tooLargeBundle();
      chunks.push(chunk);
    }
    files.push({ filename: part.filename, bytes: Buffer.concat(chunks) });
  }
  return { files, displayName };
}

async function unpacked(files: readonly UploadedFile[]): Promise<readonly SkillFile[]> {
  const [first] = files;
  if (!first || files.length > 1 || !isArchive(first)) {
    return files.map(({ filename, bytes }) => ({ path: filename, bytes, isExecutable: false }));
  }
  try {
    // Directories have entries of their own.
    return await readZip(first.bytes, { entriesMax: 2 * skillFilesMax, bytesMax: skillBundleBytesMax });
  } catch (cause) {
    if (!(cause instanceof BadArchive)) throw cause;
    throw new Refusal('invalid_request', `files[]: the zip archive cannot be used: ${cause.message}`, {
      cause,
    });
  }
}

function isArchive({ filename, bytes }: UploadedFile): boolean {
  const [p, k] = bytes;
  return /\.(zip|skill)$/i.test(filename) || (p === 0x50 && k === 0x4b);
}

function packed({ name, files }: SkillBundle, nowUs: number): AsyncIterable<Uint8Array> {
  const inDirectory = files.map((file) => ({ ...file, path: `${name}/${file.path}` }));
  return writeZip(inDirectory, new Date(nowUs / 1000));
}

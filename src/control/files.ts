import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { NewId } from '../base/ids.ts';
import type { Blobs, StagedBlob } from '../domain/blobs.ts';
import type { Files, StoredFile } from '../domain/collections.ts';
import {
  absentFile,
  checkDownload,
  checkQuota,
  expiredFile,
  nameUpload,
  uploadedFile,
} from '../domain/files.ts';
import type { FileMetadata, fileUploadFields } from '../protocol/files.ts';
import type { Download, FormPart } from '../protocol/form.ts';
import type { FileListQuery, FilePage } from './file-list.ts';
import { listFiles } from './file-list.ts';

export type FileDeps = {
  readonly files: Files;
  readonly blobs: Blobs;
  /** For the uploads of the organization. */
  readonly quotaBytes: number;
  readonly clock: Clock;
  readonly newId: NewId;
};

export type FileCommands = {
  upload(form: AsyncIterable<FormPart<typeof fileUploadFields>>): Promise<FileMetadata>;
  retrieve(id: string): Promise<FileMetadata>;
  /** The shape is that of the client's generation, which `betas` tell. */
  list(query: FileListQuery, betas: readonly string[]): Promise<FilePage>;
  download(id: string): Promise<Download>;
  delete(id: string): Promise<{ id: string; type: 'file_deleted' }>;
};

export function createFileCommands(deps: FileDeps): FileCommands {
  const { files, blobs, clock } = deps;

  async function found(id: string): Promise<StoredFile> {
    const stored = await files.get(id, clock.nowUs());
    if (!stored) throw absentFile(id);
    return stored;
  }

  return {
    upload: (form) => upload(deps, form),
    retrieve: async (id) => (await found(id)).file,
    list: (query, betas) => listFiles(deps, query, betas),
    async download(id) {
      const { file, sha256 } = await found(id);
      checkDownload(file, clock.nowUs());
      if (sha256 === null) throw expiredFile(id);
      const { mime_type: mimeType, filename, size_bytes: bytes } = file;
      return { mimeType, filename, bytes, content: blobs.read(sha256) };
    },
    async delete(id) {
      if (!(await files.remove(id, clock.nowUs()))) throw absentFile(id);
      return { id, type: 'file_deleted' };
    },
  };
}

/** Nothing is stored before the whole form has come; what was taken in until then is given up. */
async function upload(
  { files, blobs, quotaBytes, clock, newId }: FileDeps,
  form: AsyncIterable<FormPart<typeof fileUploadFields>>,
): Promise<FileMetadata> {
  // Full is full, whatever comes: no need to take it in first.
  checkQuota(await files.usedBytes(), 1, quotaBytes);
  let staged: StagedBlob | null = null;
  let name = { filename: '', mimeType: '' };
  let expiresInSeconds: number | null = null;
  try {
    for await (const part of form) {
      if (part.kind === 'field') expiresInSeconds = part.value;
      else {
        name = nameUpload(part);
        staged = await blobs.stage(part.content);
      }
    }
    assert(staged, 'a form ends with its required parts');
    const { bytes } = staged;
    const id = newId('file');
    const file = uploadedFile({ id, ...name, bytes, expiresInSeconds }, clock.nowUs());
    await files.insert(file, staged, (used) => checkQuota(used, bytes, quotaBytes));
    return file;
  } finally {
    if (staged) await blobs.discard(staged);
  }
}

import { formatUs, parseUs } from '../base/timestamp.ts';
import type { FileMetadata } from '../protocol/files.ts';
import { endingByType, essence, typeByName } from '../protocol/media-types.ts';
import { invalid, Refusal } from '../protocol/refusal.ts';
import { codePoints } from '../protocol/text.ts';
import { expiredFileKeptUs, fileBlockBytesMax } from './limits.ts';

/** A copy of a file that a session has for itself: same name, type and content under an id of its own. */
export type FileCopy = { readonly sourceId: string; readonly id: string; readonly atUs: number };

/**
 * What a decision on a session does to the session's files, in the transaction of its entries. A copy is not
 * downloadable, never expires and counts in no quota; it goes with the session.
 */
export type SessionFiles = {
  /** Of files of the same workspace. An absent or expired one refuses everything: `not_found`. */
  readonly copies: readonly FileCopy[];
  /** Ids of files of this session that go; an unknown one is passed over. */
  readonly removed: readonly string[];
};

/** A file's content for a model; `null`: it is gone. */
export type ReadFile = (
  id: string,
) => Promise<{ readonly file: FileMetadata; readonly content: Uint8Array } | null>;

/** Puts a file's content at a path of this machine, see `Blobs.share`. Rejects when it is gone. */
export type PlaceFile = (id: string, path: string) => Promise<void>;

const nameCharactersMax = 255;
const typeCharactersMax = 255;
const unknownType = 'application/octet-stream';

export type FileSent = {
  /** As the client wrote it. */
  readonly filename: string;
  readonly mimeType: string | null;
};

/** Name and type of an upload: the last component of its path, the part's type or the one its name suggests. */
export function nameUpload(sent: FileSent): { readonly filename: string; readonly mimeType: string } {
  const last = sent.filename.split(/[/\\]/).at(-1) ?? '';
  const given = last === '.' || last === '..' ? '' : last;
  const mimeType = mediaType(sent.mimeType) ?? typeByName(given) ?? unknownType;
  const filename = given === '' ? `unnamed${endingByType(mimeType)}` : given;
  if (codePoints(filename) > nameCharactersMax) {
    throw invalid(`file: the filename must be at most ${nameCharactersMax} characters`);
  }
  const forbidden = /[<>:"|?*\p{Cc}]/u.exec(filename)?.[0];
  if (forbidden !== undefined) {
    throw invalid(`file: the filename must not contain ${JSON.stringify(forbidden)}`);
  }
  return { filename, mimeType };
}

/** What is no media type is as good as none: it must fit a header when it is sent back. */
function mediaType(sent: string | null): string | null {
  if (sent === null || !/^[\w!#$&^.+-]+\/[\w!#$&^.+-]+\s*(;[\x20-\x7e]*)?$/.test(sent)) return null;
  if (sent.length <= typeCharactersMax) return sent;
  throw invalid(`file: the content type must be at most ${typeCharactersMax} characters`);
}

export type Upload = {
  readonly id: string;
  readonly filename: string;
  readonly mimeType: string;
  readonly bytes: number;
  readonly expiresInSeconds: number | null;
};

export function uploadedFile(upload: Upload, nowUs: number): FileMetadata {
  const { id, filename, mimeType, bytes, expiresInSeconds } = upload;
  return {
    id,
    type: 'file',
    filename,
    mime_type: mimeType,
    size_bytes: bytes,
    downloadable: false,
    created_at: formatUs(nowUs),
    expires_at: expiresInSeconds === null ? null : formatUs(nowUs + expiresInSeconds * 1_000_000),
    scope: null,
  };
}

export function copiedFile(source: FileMetadata, { id, atUs }: FileCopy, sessionId: string): FileMetadata {
  return {
    ...source,
    id,
    downloadable: false,
    created_at: formatUs(atUs),
    expires_at: null,
    scope: { type: 'session', id: sessionId },
  };
}

/** Its content is gone; it is still listed for a while. */
export function isExpired({ expires_at: at }: FileMetadata, nowUs: number): boolean {
  return at !== null && (parseUs(at) ?? 0) <= nowUs;
}

/** Nothing of it is left for clients. */
export function isForgotten({ expires_at: at }: FileMetadata, nowUs: number): boolean {
  return at !== null && (parseUs(at) ?? 0) + expiredFileKeptUs <= nowUs;
}

/** Refuses a file whose content a client must not have. */
export function checkDownload(file: FileMetadata, nowUs: number): void {
  if (isExpired(file, nowUs)) throw expiredFile(file.id);
  if (file.downloadable) return;
  throw invalid(
    `file_not_downloadable: File \`${file.id}\` is not downloadable; only files that tools made in a session are.`,
    'file_not_downloadable',
  );
}

/** Of the whole organization; what sessions have for themselves is not counted. */
export function checkQuota(usedBytes: number, bytes: number, quotaBytes: number): void {
  if (usedBytes + bytes <= quotaBytes) return;
  throw invalid(
    `storage_quota_exceeded: the organization may store ${quotaBytes} bytes of files and stores ${usedBytes}; delete files to upload more`,
    'storage_quota_exceeded',
  );
}

export function absentFile(id: string): Refusal {
  return new Refusal('not_found', `File \`${id}\` not found.`, { runError: 'file_not_found_error' });
}

export function expiredFile(id: string): Refusal {
  return new Refusal('not_found', `file_expired: File \`${id}\` has expired.`, {
    errorCode: 'file_expired',
    runError: 'file_not_found_error',
  });
}

const imageTypes: readonly string[] = ['image/jpeg', 'image/png', 'image/gif', 'image/webp'];
const textTypes: readonly string[] = [
  'application/json',
  'application/jsonl',
  'application/xml',
  'application/yaml',
];

/** How a model can be shown a file, or null: as an image, a PDF, or text. */
export function shownAs({ mime_type }: FileMetadata): 'image' | 'pdf' | 'text' | null {
  const type = essence(mime_type);
  if (imageTypes.includes(type)) return 'image';
  if (type === 'application/pdf') return 'pdf';
  return type.startsWith('text/') || textTypes.includes(type) ? 'text' : null;
}

export type FileBlock = {
  /** Of its `file_id`, for what is said about it. */
  readonly path: string;
  readonly id: string;
  readonly as: 'image' | 'document';
  readonly file: FileMetadata | null;
};

/** Refuses a block whose file a model cannot be shown that way. */
export function checkFileBlock({ path, id, as, file }: FileBlock, nowUs: number): void {
  const runError = 'file_not_found_error';
  if (!file) throw new Refusal('invalid_request', `${path}: File \`${id}\` not found.`, { runError });
  if (isExpired(file, nowUs)) {
    const message = `${path}: File \`${id}\` has expired.`;
    throw new Refusal('invalid_request', message, { errorCode: 'file_expired', runError });
  }
  const shown = shownAs(file);
  if (as === 'image' ? shown !== 'image' : shown !== 'pdf' && shown !== 'text') {
    const fitting = as === 'image' ? imageTypes.join(', ') : 'application/pdf and text';
    throw invalid(`${path}: File \`${id}\` is of type ${file.mime_type}; ${as} blocks take ${fitting}`);
  }
  if (file.size_bytes > fileBlockBytesMax) {
    throw invalid(
      `${path}: File \`${id}\` has ${file.size_bytes} bytes; at most ${fileBlockBytesMax} can be shown to a model`,
    );
  }
}

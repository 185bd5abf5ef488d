import type { SessionId } from '../base/ids.ts';
import { formatUs } from '../base/timestamp.ts';
import type { FileMetadata } from '../protocol/files.ts';
import { typeByName } from '../protocol/media-types.ts';
import type { StagedBlob } from './blobs.ts';
import { outputFileBytesMax, outputFilesMax, outputsBytesMax } from './limits.ts';

/** What agents leave below `/mnt/session/outputs` becomes files of their session (spec/files.md, Outputs). */

/** A path as it was last looked at. */
export type KnownOutput = {
  readonly signature: string;
  /** Of the file that was made of it; null when it could not be kept. */
  readonly sha256: string | null;
  readonly bytes: number;
  /** Null when there is no such file (any more). */
  readonly fileId: string | null;
};

/** Outputs of sessions of any workspace, for who works on them. */
export interface SessionOutputs {
  /** By path below the outputs. */
  known(sessionId: SessionId): Promise<ReadonlyMap<string, KnownOutput>>;
  /**
   * Publishes a file of the session in place of the one that was made of this path before, in one transaction.
   * An absent session is `not_found`.
   */
  keep(output: OutputSeen, file: FileMetadata, staged: StagedBlob): Promise<void>;
  /** Remembers that a path was looked at, and made no new file. */
  note(output: OutputSeen, sha256: string | null): Promise<void>;
}

export type OutputSeen = {
  readonly sessionId: SessionId;
  readonly path: string;
  readonly signature: string;
  readonly bytes: number;
};

/** Why an output cannot be kept beside those that are known, or null. */
export function outputProblem(
  { path, bytes }: Pick<OutputSeen, 'path' | 'bytes'>,
  known: ReadonlyMap<string, KnownOutput>,
): string | null {
  if (bytes > outputFileBytesMax) {
    return `it has ${bytes} bytes, more than the ${outputFileBytesMax} that are handed over`;
  }
  const others = [...known].filter(([other, { sha256 }]) => sha256 !== null && other !== path);
  if (others.length >= outputFilesMax) return `${outputFilesMax} files are handed over already`;
  const total = others.reduce((sum, [, other]) => sum + other.bytes, bytes);
  return total > outputsBytesMax ? `all together would have more than ${outputsBytesMax} bytes` : null;
}

/** Called by the last part of its path. */
export function outputFile(
  { sessionId, path, bytes }: Omit<OutputSeen, 'signature'>,
  id: string,
  nowUs: number,
): FileMetadata {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return {
    id,
    type: 'file',
    filename: name.replace(/\p{Cc}/gu, '_'),
    mime_type: typeByName(name) ?? 'application/octet-stream',
    size_bytes: bytes,
    downloadable: true,
    created_at: formatUs(nowUs),
    expires_at: null,
    scope: { type: 'session', id: sessionId },
  };
}

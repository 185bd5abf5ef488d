import { formatUs } from '../base/timestamp.ts';
import type { StoredFile } from '../domain/collections.ts';
import type { FileMetadata } from '../protocol/files.ts';
import { microseconds } from './entry-rows.ts';
import type { FileRow } from './tables.ts';

export function fileRow(workspaceId: string, { file, sha256 }: StoredFile): FileRow {
  return {
    id: file.id,
    workspace_id: workspaceId,
    session_id: file.scope?.id ?? null,
    created_at_us: microseconds(file.created_at),
    expires_at_us: file.expires_at === null ? null : microseconds(file.expires_at),
    filename: file.filename,
    mime_type: file.mime_type,
    size_bytes: file.size_bytes,
    downloadable: file.downloadable ? 1 : 0,
    sha256,
  };
}

export function fileOf(row: FileRow): FileMetadata {
  return {
    id: row.id,
    type: 'file',
    filename: row.filename,
    mime_type: row.mime_type,
    size_bytes: row.size_bytes,
    downloadable: row.downloadable === 1,
    created_at: formatUs(row.created_at_us),
    expires_at: row.expires_at_us === null ? null : formatUs(row.expires_at_us),
    scope: row.session_id === null ? null : { type: 'session', id: row.session_id },
  };
}

/** Whether the content of a row counts in the quota: an upload whose content is still there. */
export function countedBytes({ session_id, sha256, size_bytes }: FileRow): number {
  return session_id === null && sha256 !== null ? size_bytes : 0;
}

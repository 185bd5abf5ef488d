import type { FileCopy, SessionFiles } from '../domain/files.ts';
import { absentFile, copiedFile, expiredFile, isExpired } from '../domain/files.ts';
import type { ContentChanges } from './contents.ts';
import type { Sql } from './engines/engine.ts';
import { fileOf, fileRow } from './file-rows.ts';
import { byId } from './files.ts';
import { build } from './tables.ts';

export type FilesOwner = { readonly workspaceId: string; readonly sessionId: string };

/** Does to a session's files what its decision says. */
export async function changeSessionFiles(
  { tx, content }: { readonly tx: Sql; readonly content: ContentChanges },
  owner: FilesOwner,
  { copies, removed }: SessionFiles,
): Promise<void> {
  for (const copy of copies) await insertCopy(tx, owner, copy);
  for (const id of removed) await content.release(await removeFile(tx, owner, id));
}

async function insertCopy(tx: Sql, { workspaceId, sessionId }: FilesOwner, copy: FileCopy): Promise<void> {
  const [row] = await tx.all(byId(workspaceId, copy.sourceId));
  if (!row) throw absentFile(copy.sourceId);
  const source = fileOf(row);
  if (row.sha256 === null || isExpired(source, copy.atUs)) throw expiredFile(copy.sourceId);
  const file = copiedFile(source, copy, sessionId);
  const values = fileRow(workspaceId, { file, sha256: row.sha256 });
  await tx.run(build.insertInto('files').values(values).compile());
}

async function removeFile(tx: Sql, { workspaceId, sessionId }: FilesOwner, id: string) {
  const [row] = await tx.all(byId(workspaceId, id));
  if (row?.session_id !== sessionId) return [];
  await tx.run(build.deleteFrom('files').where('id', '=', id).compile());
  return [row.sha256];
}

/** The SHA-256s of everything that goes with a session. */
export async function contentsOfSession(tx: Sql, sessionId: string): Promise<readonly (string | null)[]> {
  const named = await Promise.all(
    (['files', 'session_snapshots'] as const).map((table) =>
      tx.all(
        build.selectFrom(table).select('sha256').distinct().where('session_id', '=', sessionId).compile(),
      ),
    ),
  );
  return named.flat().map(({ sha256 }) => sha256);
}

import type { Clock } from '../base/clock.ts';
import type { Blobs } from '../domain/blobs.ts';
import type { FileQuery, Files } from '../domain/collections.ts';
import type { PlaceFile, ReadFile } from '../domain/files.ts';
import { isExpired, isForgotten } from '../domain/files.ts';
import { expiredFileKeptUs } from '../domain/limits.ts';
import { Refusal } from '../protocol/refusal.ts';
import type { Contents } from './contents.ts';
import type { Engine, Sql } from './engines/engine.ts';
import { countedBytes, fileOf, fileRow } from './file-rows.ts';
import { keyset } from './keyset.ts';
import { build } from './tables.ts';

export function createFiles(engine: Engine, contents: Contents, workspaceId: string): Files {
  return {
    async insert(file, staged, check) {
      const row = fileRow(workspaceId, { file, sha256: staged.sha256 });
      await contents.write(async (tx, content) => {
        if (row.session_id === null) check(await uploadsBytes(tx));
        else await requireSession(tx, workspaceId, row.session_id);
        await content.publish(staged);
        await tx.run(build.insertInto('files').values(row).compile());
        await addUploadsBytes(tx, countedBytes(row));
      });
    },
    async get(id, nowUs) {
      const [row] = await engine.read.all(byId(workspaceId, id));
      if (!row) return null;
      const file = fileOf(row);
      return isForgotten(file, nowUs) ? null : { file, sha256: row.sha256 };
    },
    async page(query) {
      const rows = await engine.read.all(
        keyset(filtered(workspaceId, query), ['created_at_us', 'id'], query).compile(),
      );
      return rows.map((row) => ({ item: fileOf(row), position: [row.created_at_us, row.id] as const }));
    },
    async position(id) {
      const [row] = await engine.read.all(byId(workspaceId, id));
      const [deleted] = row ? [row] : await engine.read.all(deletedById(workspaceId, id));
      return deleted ? [deleted.created_at_us, deleted.id] : null;
    },
    usedBytes: () => uploadsBytes(engine.read),
    remove(id, nowUs) {
      return contents.write(async (tx, content) => {
        const [row] = await tx.all(byId(workspaceId, id));
        if (!row || isForgotten(fileOf(row), nowUs)) return false;
        await tx.run(build.deleteFrom('files').where('id', '=', id).compile());
        const { created_at_us } = row;
        const deleted = { id, workspace_id: workspaceId, created_at_us, deleted_at_us: nowUs };
        await tx.run(build.insertInto('deleted_files').values(deleted).compile());
        await addUploadsBytes(tx, -countedBytes(row));
        await content.release([row.sha256]);
        return true;
      });
    },
  };
}

export function createReadFile(engine: Engine, blobs: Blobs, clock: Clock): ReadFile {
  return async (id) => {
    const [row] = await engine.read.all(build.selectFrom('files').selectAll().where('id', '=', id).compile());
    if (!row) return null;
    const file = fileOf(row);
    if (row.sha256 === null || isExpired(file, clock.nowUs())) return null;
    const chunks: Uint8Array[] = [];
    for await (const chunk of blobs.read(row.sha256)) chunks.push(chunk);
    return { file, content: Buffer.concat(chunks) };
  };
}

export function createPlaceFile(engine: Engine, blobs: Blobs): PlaceFile {
  return async (id, path) => {
    const query = build.selectFrom('files').select('sha256').where('id', '=', id);
    const [row] = await engine.read.all(query.compile());
    if (!row?.sha256) throw new Error(`the file ${id} is gone`);
    await blobs.share(row.sha256, path);
  };
}

function filtered(workspaceId: string, { scopeId, ids, nowUs }: FileQuery) {
  const select = build
    .selectFrom('files')
    .selectAll()
    .where('workspace_id', '=', workspaceId)
    .where((where) =>
      where.or([where('expires_at_us', 'is', null), where('expires_at_us', '>', nowUs - expiredFileKeptUs)]),
    );
  const named = ids === null ? select : select.where('id', 'in', [...ids]);
  if (scopeId !== null) return named.where('session_id', '=', scopeId);
  return ids === null ? named.where('session_id', 'is', null) : named;
}

export function byId(workspaceId: string, id: string) {
  return build
    .selectFrom('files')
    .selectAll()
    .where('id', '=', id)
    .where('workspace_id', '=', workspaceId)
    .compile();
}

function deletedById(workspaceId: string, id: string) {
  return build
    .selectFrom('deleted_files')
    .select(['id', 'created_at_us'])
    .where('id', '=', id)
    .where('workspace_id', '=', workspaceId)
    .compile();
}

async function requireSession(tx: Sql, workspaceId: string, id: string): Promise<void> {
  const query = build
    .selectFrom('sessions')
    .select('id')
    .where('id', '=', id)
    .where('workspace_id', '=', workspaceId);
  const [row] = await tx.all(query.compile());
  if (!row) throw new Refusal('not_found', `Session not found: ${id}`);
}

const uploadsTotal = 'uploads_bytes';

async function uploadsBytes(sql: Sql): Promise<number> {
  const query = build.selectFrom('totals').select('value').where('name', '=', uploadsTotal);
  const [row] = await sql.all(query.compile());
  return row?.value ?? 0;
}

export async function addUploadsBytes(tx: Sql, bytes: number): Promise<void> {
  if (bytes === 0) return;
  const update = build
    .updateTable('totals')
    .set((set) => ({ value: set('value', '+', bytes) }))
    .where('name', '=', uploadsTotal);
  await tx.run(update.compile());
}

import type { FileExpiry } from '../domain/collections.ts';
import { deletedFileKeptUs, expiredFileKeptUs, expiryBatchFiles } from '../domain/limits.ts';
import type { Contents } from './contents.ts';
import type { Sql } from './engines/engine.ts';
import { countedBytes } from './file-rows.ts';
import { addUploadsBytes } from './files.ts';
import { build } from './tables.ts';

export function createFileExpiry(contents: Contents): FileExpiry {
  return {
    expire(nowUs) {
      return contents.write(async (tx, content) => {
        const expired = await emptyExpired(tx, nowUs);
        await content.release(expired);
        const forgotten = await forget(tx, nowUs);
        return expired.length + forgotten > 0;
      });
    },
  };
}

/** The SHA-256s of what has expired. */
async function emptyExpired(tx: Sql, nowUs: number): Promise<string[]> {
  const query = build
    .selectFrom('files')
    .selectAll()
    .where('expires_at_us', '<=', nowUs)
    .where('sha256', 'is not', null)
    .orderBy('expires_at_us')
    .limit(expiryBatchFiles);
  const rows = await tx.all(query.compile());
  for (const row of rows) {
    await tx.run(build.updateTable('files').set({ sha256: null }).where('id', '=', row.id).compile());
    await addUploadsBytes(tx, -countedBytes(row));
  }
  return rows.flatMap(({ sha256 }) => (sha256 === null ? [] : [sha256]));
}

/** What nobody can see any more, and places in lists that nobody goes on from. */
async function forget(tx: Sql, nowUs: number): Promise<number> {
  const old = build
    .selectFrom('files')
    .select('id')
    .where('expires_at_us', '<=', nowUs - expiredFileKeptUs)
    .where('sha256', 'is', null)
    .limit(expiryBatchFiles);
  const stale = build
    .selectFrom('deleted_files')
    .select('id')
    .where('deleted_at_us', '<=', nowUs - deletedFileKeptUs)
    .limit(expiryBatchFiles);
  const files = await tx.run(build.deleteFrom('files').where('id', 'in', old).compile());
  return files + (await tx.run(build.deleteFrom('deleted_files').where('id', 'in', stale).compile()));
}

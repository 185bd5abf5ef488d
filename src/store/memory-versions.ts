import { formatUs } from '../base/timestamp.ts';
import type { MemoryVersionQuery, MemoryVersions } from '../domain/collections.ts';
import type { Actor, MemoryOperation, MemoryVersion } from '../protocol/memory-versions.ts';
import type { Engine } from './engines/engine.ts';
import { microseconds } from './entry-rows.ts';
import { keyset } from './keyset.ts';
import { ownMemoryStore } from './memory-stores.ts';
import type { MemoryVersionRow } from './tables.ts';
import { build } from './tables.ts';

export function createMemoryVersions(engine: Engine, workspaceId: string): MemoryVersions {
  return {
    async get(storeId, id) {
      const [row] = await engine.read.all(byId(ownMemoryStore(workspaceId, storeId), id));
      return row ? versionOf(row) : null;
    },
    async page(storeId, query) {
      const rows = await engine.read.all(
        keyset(
          filtered(ownMemoryStore(workspaceId, storeId), query),
          ['created_at_us', 'id'],
          query,
        ).compile(),
      );
      return rows.map((row) => ({
        item: versionOf(row),
        position: [row.created_at_us, row.id] as const,
      }));
    },
    change(storeId, id, rule) {
      return engine.write(async (tx) => {
        const [row] = await tx.all(byId(ownMemoryStore(workspaceId, storeId), id));
        if (!row) return null;
        const before = versionOf(row);
        const [holder] = await tx.all(holderOf(before));
        const after = rule(before, holder !== undefined);
        if (after === before) return before;
        await tx.run(build.updateTable('memory_versions').set(rowOf(after)).where('id', '=', id).compile());
        return after;
      });
    },
  };
}

/** Goes along with the write of its memory. */
export function insertMemoryVersion(version: MemoryVersion) {
  return build.insertInto('memory_versions').values(rowOf(version)).compile();
}

const columns = [
  'id',
  'store_id',
  'memory_id',
  'operation',
  'path',
  'content_sha256',
  'content_size_bytes',
  'created_at_us',
  'created_by',
  'redacted_at_us',
  'redacted_by',
] as const;

type Own = ReturnType<typeof ownMemoryStore>;

function filtered(store: Own, query: MemoryVersionQuery) {
  let select = build.selectFrom('memory_versions').select(columns).where('store_id', '=', store);
  if (query.memoryId !== null) select = select.where('memory_id', '=', query.memoryId);
  if (query.operation !== null) select = select.where('operation', '=', query.operation);
  if (query.sessionId !== null) select = select.where('session_id', '=', query.sessionId);
  if (query.apiKeyId !== null) select = select.where('api_key_id', '=', query.apiKeyId);
  if (query.serviceAccountId !== null) {
    select = select.where('service_account_id', '=', query.serviceAccountId);
  }
  return select.$if(query.withContent, (narrow) => narrow.select('content'));
}

function byId(store: Own, id: string) {
  return build
    .selectFrom('memory_versions')
    .select([...columns, 'content'])
    .where('id', '=', id)
    .where('store_id', '=', store)
    .compile();
}

/** The memory that holds what this version wrote. */
function holderOf(version: MemoryVersion) {
  return build
    .selectFrom('memories')
    .select('id')
    .where('id', '=', version.memory_id)
    .where('version_id', '=', version.id)
    .compile();
}

function rowOf(version: MemoryVersion): MemoryVersionRow {
  const actor = version.created_by;
  return {
    id: version.id,
    store_id: version.memory_store_id,
    memory_id: version.memory_id,
    operation: version.operation,
    path: version.path,
    content: version.content,
    content_sha256: version.content_sha256,
    content_size_bytes: version.content_size_bytes,
    created_at_us: microseconds(version.created_at),
    created_by: JSON.stringify(actor),
    session_id: actor.type === 'session_actor' ? actor.session_id : null,
    api_key_id: actor.type === 'api_actor' ? actor.api_key_id : null,
    service_account_id: actor.type === 'service_account_actor' ? actor.service_account_id : null,
    redacted_at_us: version.redacted_at === null ? null : microseconds(version.redacted_at),
    redacted_by: version.redacted_by ? JSON.stringify(version.redacted_by) : null,
  };
}

type Shown = Omit<MemoryVersionRow, 'session_id' | 'api_key_id' | 'service_account_id' | 'content'> & {
  readonly content?: string | null;
};

/** Rows are only ever written by `rowOf`, from a MemoryVersion. */
function versionOf(row: Shown): MemoryVersion {
  return {
    id: row.id,
    type: 'memory_version',
    memory_store_id: row.store_id,
    memory_id: row.memory_id,
    operation: row.operation as MemoryOperation,
    path: row.path,
    content: row.content ?? null,
    content_sha256: row.content_sha256,
    content_size_bytes: row.content_size_bytes,
    created_at: formatUs(row.created_at_us),
    created_by: JSON.parse(row.created_by) as Actor,
    redacted_at: row.redacted_at_us === null ? null : formatUs(row.redacted_at_us),
    ...(row.redacted_by === null ? {} : { redacted_by: JSON.parse(row.redacted_by) as Actor }),
  };
}

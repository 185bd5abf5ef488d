import { formatUs } from '../base/timestamp.ts';
import type { Memories, MemoryQuery, MemoryTarget } from '../domain/collections.ts';
import type { MemoryScene, MemoryWrite } from '../domain/memories.ts';
import { ancestorsOf } from '../domain/memories.ts';
import type { FindMemories } from '../domain/mounted-memories.ts';
import type { Positioned } from '../domain/session/session-log.ts';
import type { Memory, MemoryListItem } from '../protocol/memories.ts';
import type { Engine, Sql, Tx } from './engines/engine.ts';
import { microseconds } from './entry-rows.ts';
import { memoryStoreById, memoryStoreOf, ownMemoryStore } from './memory-stores.ts';
import { insertMemoryVersion } from './memory-versions.ts';
import type { MemoryRow } from './tables.ts';
import { build } from './tables.ts';

/** Memories as they are now, by path; `memory_versions` holds how they came about. */
export function createMemories(engine: Engine, workspaceId: string): Memories {
  return {
    async get(storeId, id) {
      const [row] = await engine.read.all(byId(ownMemoryStore(workspaceId, storeId), id));
      return row ? memoryOf(row) : null;
    },
    page(storeId, query) {
      const store = ownMemoryStore(workspaceId, storeId);
      return query.depth === 0 ? below(engine.read, store, query) : children(engine.read, store, query);
    },
    write(target, rule) {
      return engine.writeBeside(target.storeId, async (tx) => {
        const scene = await sceneOf(tx, workspaceId, target);
        if (!scene) return null;
        const write = rule(scene);
        await record(tx, scene, write);
        return write;
      });
    },
  };
}

export function createFindMemories(engine: Engine): FindMemories {
  return async (storeId) => {
    const query = build
      .selectFrom('memory_stores')
      .select(['workspace_id', 'writes'])
      .where('id', '=', storeId);
    const [row] = await engine.read.all(query.compile());
    return row ? { writes: row.writes, memories: createMemories(engine, row.workspace_id) } : null;
  };
}

async function sceneOf(
  tx: Tx,
  workspaceId: string,
  { storeId, memoryId, path }: MemoryTarget,
): Promise<MemoryScene | null> {
  const [store] = await tx.lock(memoryStoreById(workspaceId, storeId));
  if (!store) return null;
  const [memory] = await tx.all(byId(ownMemoryStore(workspaceId, storeId), memoryId));
  const [total] = await tx.all(countIn(storeId));
  const [blocking] = path === null ? [] : await tx.all(blockingRow(storeId, memoryId, path));
  return {
    store: memoryStoreOf(store),
    memoryId,
    memory: memory ? memoryOf(memory) : null,
    count: Number(total?.count ?? 0),
    blocking: blocking ?? null,
  };
}

async function record(tx: Sql, scene: MemoryScene, { memory, version }: MemoryWrite): Promise<void> {
  if (version === null) return;
  await tx.run(insertMemoryVersion(version));
  await tx.run(countWrite(scene.store.id));
  if (memory === null) {
    await tx.run(build.deleteFrom('memories').where('id', '=', scene.memoryId).compile());
  } else if (scene.memory === null) {
    await tx.run(build.insertInto('memories').values(rowOf(memory)).compile());
  } else {
    await tx.run(build.updateTable('memories').set(rowOf(memory)).where('id', '=', memory.id).compile());
  }
}

function countWrite(storeId: string) {
  return build
    .updateTable('memory_stores')
    .set((set) => ({ writes: set('writes', '+', 1) }))
    .where('id', '=', storeId)
    .compile();
}

const columns = [
  'id',
  'store_id',
  'version_id',
  'path',
  'content_sha256',
  'content_size_bytes',
  'created_at_us',
  'updated_at_us',
] as const;

type Own = ReturnType<typeof ownMemoryStore>;

function byId(store: Own, id: string) {
  return build
    .selectFrom('memories')
    .select([...columns, 'content'])
    .where('id', '=', id)
    .where('store_id', '=', store)
    .compile();
}

function countIn(storeId: string) {
  return build
    .selectFrom('memories')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('store_id', '=', storeId)
    .compile();
}

/** Another memory at this path, above or below it. */
function blockingRow(storeId: string, exceptId: string, path: string) {
  return build
    .selectFrom('memories')
    .select(['id', 'path'])
    .where('store_id', '=', storeId)
    .where('id', '!=', exceptId)
    .where((where) =>
      where.or([
        where('path', 'in', [path, ...ancestorsOf(path)]),
        where.and([where('path', '>', `${path}/`), where('path', '<', behind(`${path}/`))]),
      ]),
    )
    .orderBy('path')
    .limit(1)
    .compile();
}

/** Sorts behind everything that begins with `prefix`, which ends with /, and before whatever else follows. */
function behind(prefix: string): string {
  // 0 is the character next to /.
  return `${prefix.slice(0, -1)}0`;
}

function rowsBelow(store: Own, { limit, after, prefix, withContent }: MemoryQuery) {
  const select = build
    .selectFrom('memories')
    .select(columns)
    .where('store_id', '=', store)
    .where('path', '>', prefix)
    .where('path', '<', behind(prefix))
    .orderBy('path')
    .limit(limit)
    .$if(withContent, (narrow) => narrow.select('content'));
  if (after === null) return select.compile();
  // Behind a prefix that was rolled up, everything below it has been shown.
  return after.endsWith('/')
    ? select.where('path', '>=', behind(after)).compile()
    : select.where('path', '>', after).compile();
}

async function below(read: Sql, store: Own, query: MemoryQuery): Promise<Positioned<Memory>[]> {
  const rows = await read.all(rowsBelow(store, query));
  return rows.map((row) => ({ item: memoryOf(row), position: [0, row.path] as const }));
}

/** Each look brings at least one item and skips all that a prefix stands for. */
async function children(read: Sql, store: Own, query: MemoryQuery): Promise<Positioned<MemoryListItem>[]> {
  const items: Positioned<MemoryListItem>[] = [];
  let after = query.after;
  while (items.length < query.limit) {
    const rows = await read.all(rowsBelow(store, { ...query, after, limit: query.limit - items.length }));
    if (rows.length === 0) break;
    for (const row of rows) {
      if (after?.endsWith('/') && row.path.startsWith(after)) continue;
      const slash = slashBehind(row.path, query);
      after = slash === -1 ? row.path : row.path.slice(0, slash + 1);
      const item: MemoryListItem = slash === -1 ? memoryOf(row) : { type: 'memory_prefix', path: after };
      items.push({ item, position: [0, after] });
    }
  }
  return items;
}

/** Where a path goes deeper than the query wants to see; -1 when it does not. */
function slashBehind(path: string, { prefix, depth }: MemoryQuery): number {
  let slash = prefix.length - 1;
  for (let level = 0; level < depth; level++) {
    slash = path.indexOf('/', slash + 1);
    if (slash === -1) return -1;
  }
  return slash;
}

function rowOf(memory: Memory): MemoryRow {
  return {
    id: memory.id,
    store_id: memory.memory_store_id,
    version_id: memory.memory_version_id,
    path: memory.path,
    // The rules work on whole memories; only answers leave the content out.
    content: memory.content ?? '',
    content_sha256: memory.content_sha256,
    content_size_bytes: memory.content_size_bytes,
    created_at_us: microseconds(memory.created_at),
    updated_at_us: microseconds(memory.updated_at),
  };
}

function memoryOf(row: Omit<MemoryRow, 'content'> & { readonly content?: string }): Memory {
  return {
    id: row.id,
    type: 'memory',
    memory_store_id: row.store_id,
    memory_version_id: row.version_id,
    path: row.path,
    content: row.content ?? null,
    content_sha256: row.content_sha256,
    content_size_bytes: row.content_size_bytes,
    created_at: formatUs(row.created_at_us),
    updated_at: formatUs(row.updated_at_us),
  };
}

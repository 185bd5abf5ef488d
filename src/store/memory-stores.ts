import type { MemoryStores } from '../domain/collections.ts';
import type { MemoryStore } from '../protocol/memory-stores.ts';
import type { Engine } from './engines/engine.ts';
import { microseconds } from './entry-rows.ts';
import { keyset } from './keyset.ts';
import type { MemoryStoreRow } from './tables.ts';
import { build } from './tables.ts';

export function createMemoryStores(engine: Engine, workspaceId: string): MemoryStores {
  return {
    async insert(store) {
      await engine.write((tx) =>
        tx.run(
          build
            .insertInto('memory_stores')
            .values({ ...rowOf(workspaceId, store), writes: 0 })
            .compile(),
        ),
      );
    },
    async get(id) {
      const [row] = await engine.read.all(memoryStoreById(workspaceId, id));
      return row ? memoryStoreOf(row) : null;
    },
    change(id, rule) {
      return engine.write(async (tx) => {
        const [row] = await tx.all(memoryStoreById(workspaceId, id));
        if (!row) return null;
        const before = memoryStoreOf(row);
        const after = rule(before);
        if (after === before) return before;
        await tx.run(
          build.updateTable('memory_stores').set(rowOf(workspaceId, after)).where('id', '=', id).compile(),
        );
        return after;
      });
    },
    async page(query) {
      let select = build
        .selectFrom('memory_stores')
        .select(['id', 'created_at_us', 'document'])
        .where('workspace_id', '=', workspaceId);
      if (!query.includeArchived) select = select.where('archived_at_us', 'is', null);
      const rows = await engine.read.all(keyset(select, ['created_at_us', 'id'], query).compile());
      return rows.map((row) => ({
        item: memoryStoreOf(row),
        position: [row.created_at_us, row.id] as const,
      }));
    },
    async remove(id) {
      // Memories and their versions go with it, see the schema.
      const query = build
        .deleteFrom('memory_stores')
        .where('id', '=', id)
        .where('workspace_id', '=', workspaceId);
      return (await engine.write((tx) => tx.run(query.compile()))) > 0;
    },
  };
}

/** The id of a store, if this workspace has it: what the rows below it are looked up by. */
export function ownMemoryStore(workspaceId: string, id: string) {
  return build
    .selectFrom('memory_stores')
    .select('id')
    .where('id', '=', id)
    .where('workspace_id', '=', workspaceId);
}

export function memoryStoreById(workspaceId: string, id: string) {
  return build
    .selectFrom('memory_stores')
    .select('document')
    .where('id', '=', id)
    .where('workspace_id', '=', workspaceId)
    .compile();
}

/** Documents are only ever written by `rowOf`, from a MemoryStore. */
export function memoryStoreOf(row: { document: string }): MemoryStore {
  return JSON.parse(row.document) as MemoryStore;
}

function rowOf(workspaceId: string, store: MemoryStore): MemoryStoreRow {
  return {
    id: store.id,
    workspace_id: workspaceId,
    created_at_us: microseconds(store.created_at),
    archived_at_us: store.archived_at === null ? null : microseconds(store.archived_at),
    document: JSON.stringify(store),
  };
}

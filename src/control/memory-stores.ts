import type { Clock } from '../base/clock.ts';
import type { NewId } from '../base/ids.ts';
import type { MemoryStores } from '../domain/collections.ts';
import {
  absentMemoryStore,
  archiveMemoryStore,
  createMemoryStore,
  updateMemoryStore,
} from '../domain/memory-stores.ts';
import type {
  DeletedMemoryStore,
  MemoryStore,
  MemoryStoreCreate,
  MemoryStoreUpdate,
} from '../protocol/memory-stores.ts';
import type { Page, WindowQuery } from './page.ts';
import { pageOf } from './page.ts';

export type MemoryStoreDeps = {
  readonly memoryStores: MemoryStores;
  readonly clock: Clock;
  readonly newId: NewId;
};

export type MemoryStoreCommands = {
  create(body: MemoryStoreCreate): Promise<MemoryStore>;
  retrieve(id: string): Promise<MemoryStore>;
  update(id: string, body: MemoryStoreUpdate): Promise<MemoryStore>;
  list(query: WindowQuery & { include_archived?: boolean | undefined }): Promise<Page<MemoryStore>>;
  archive(id: string): Promise<MemoryStore>;
  delete(id: string): Promise<DeletedMemoryStore>;
};

export function createMemoryStoreCommands({
  memoryStores,
  clock,
  newId,
}: MemoryStoreDeps): MemoryStoreCommands {
  async function change(id: string, rule: (current: MemoryStore) => MemoryStore): Promise<MemoryStore> {
    const changed = await memoryStores.change(id, rule);
    if (!changed) throw absentMemoryStore(id);
    return changed;
  }

  return {
    async create(body) {
      const store = createMemoryStore(body, newId('memstore'), clock.nowUs());
      await memoryStores.insert(store);
      return store;
    },
    async retrieve(id) {
      const store = await memoryStores.get(id);
      if (!store) throw absentMemoryStore(id);
      return store;
    },
    update: (id, body) => change(id, (current) => updateMemoryStore(current, body, clock.nowUs())),
    list: (query) =>
      pageOf(query, { limit: 20, order: 'desc' }, (page) =>
        memoryStores.page({ ...page, includeArchived: query.include_archived ?? false }),
      ),
    archive: (id) => change(id, (current) => archiveMemoryStore(current, clock.nowUs())),
    async delete(id) {
      if (!(await memoryStores.remove(id))) throw absentMemoryStore(id);
      return { id, type: 'memory_store_deleted' };
    },
  };
}

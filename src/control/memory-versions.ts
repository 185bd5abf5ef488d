import type { Clock } from '../base/clock.ts';
import type { MemoryStores, MemoryVersions } from '../domain/collections.ts';
import { redactVersion, viewed } from '../domain/memories.ts';
import { absentMemoryStore } from '../domain/memory-stores.ts';
import type { MemoryView } from '../protocol/memories.ts';
import type { MemoryOperation, MemoryVersion } from '../protocol/memory-versions.ts';
import { Refusal } from '../protocol/refusal.ts';
import { checkFullView } from './memories.ts';
import type { Page, WindowQuery } from './page.ts';
import { pageOf } from './page.ts';

export type MemoryVersionDeps = {
  readonly memoryStores: MemoryStores;
  readonly memoryVersions: MemoryVersions;
  readonly clock: Clock;
};

type View = { readonly view?: MemoryView | undefined };
type VersionListQuery = WindowQuery &
  View & {
    readonly memory_id?: string | undefined;
    readonly operation?: MemoryOperation | undefined;
    readonly session_id?: string | undefined;
    readonly api_key_id?: string | undefined;
    readonly service_account_id?: string | undefined;
  };

export type MemoryVersionCommands = {
  retrieve(storeId: string, id: string, query: View): Promise<MemoryVersion>;
  list(storeId: string, query: VersionListQuery): Promise<Page<MemoryVersion>>;
  redact(storeId: string, id: string, apiKeyId: string): Promise<MemoryVersion>;
};

export function createMemoryVersionCommands({
  memoryStores,
  memoryVersions,
  clock,
}: MemoryVersionDeps): MemoryVersionCommands {
  async function absent(storeId: string, id: string): Promise<Refusal> {
    if (!(await memoryStores.get(storeId))) return absentMemoryStore(storeId);
    return new Refusal('not_found', `Memory version not found: ${id}`);
  }

  return {
    async retrieve(storeId, id, { view = 'full' }) {
      const version = await memoryVersions.get(storeId, id);
      if (!version) throw await absent(storeId, id);
      return viewed(version, view);
    },
    async list(storeId, query) {
      if (!(await memoryStores.get(storeId))) throw absentMemoryStore(storeId);
      checkFullView(query);
      return await pageOf(query, { limit: 20, order: 'desc' }, (page) =>
        memoryVersions.page(storeId, {
          ...page,
          memoryId: query.memory_id ?? null,
          operation: query.operation ?? null,
          sessionId: query.session_id ?? null,
          apiKeyId: query.api_key_id ?? null,
          serviceAccountId: query.service_account_id ?? null,
          withContent: query.view === 'full',
        }),
      );
    },
    async redact(storeId, id, apiKeyId) {
      const actor = { type: 'api_actor', api_key_id: apiKeyId } as const;
      const redacted = await memoryVersions.change(storeId, id, (version, isHead) =>
        redactVersion(version, isHead, { nowUs: clock.nowUs(), actor }),
      );
      if (!redacted) throw await absent(storeId, id);
      return redacted;
    },
  };
}

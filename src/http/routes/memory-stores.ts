import type { MemoryCommands } from '../../control/memories.ts';
import type { MemoryStoreCommands } from '../../control/memory-stores.ts';
import type { MemoryVersionCommands } from '../../control/memory-versions.ts';
import type { Actor } from '../../protocol/memory-versions.ts';
import type { Caller } from '../auth.ts';
import type { Keys, Some } from '../handlers.ts';

export function memoryStoreRoutes(stores: MemoryStoreCommands): Some<Keys<'beta.memoryStores'>> {
  return {
    'beta.memoryStores create': ({ body }) => stores.create(body),
    'beta.memoryStores retrieve': ({ params }) => stores.retrieve(params.memory_store_id),
    'beta.memoryStores update': ({ params, body }) => stores.update(params.memory_store_id, body),
    'beta.memoryStores list': ({ query }) => stores.list(query),
    'beta.memoryStores archive': ({ params }) => stores.archive(params.memory_store_id),
    'beta.memoryStores delete': ({ params }) => stores.delete(params.memory_store_id),
  };
}

export function memoryRoutes(memories: MemoryCommands): Some<Keys<'beta.memoryStores.memories'>> {
  return {
    'beta.memoryStores.memories create': ({ params, body, query, ...by }) =>
      memories.create({ storeId: params.memory_store_id, actor: actorOf(by) }, body, query),
    'beta.memoryStores.memories retrieve': ({ params, query }) =>
      memories.retrieve(params.memory_store_id, params.memory_id, query),
    'beta.memoryStores.memories update': ({ params, body, query, ...by }) =>
      memories.update(
        { storeId: params.memory_store_id, memoryId: params.memory_id, actor: actorOf(by) },
        body,
        query,
      ),
    'beta.memoryStores.memories list': ({ params, query }) => memories.list(params.memory_store_id, query),
    'beta.memoryStores.memories delete': ({ params, query, ...by }) =>
      memories.delete(
        { storeId: params.memory_store_id, memoryId: params.memory_id, actor: actorOf(by) },
        query,
      ),
  };
}

export function memoryVersionRoutes(
  versions: MemoryVersionCommands,
): Some<Keys<'beta.memoryStores.memoryVersions'>> {
  return {
    'beta.memoryStores.memoryVersions retrieve': ({ params, query }) =>
      versions.retrieve(params.memory_store_id, params.memory_version_id, query),
    'beta.memoryStores.memoryVersions list': ({ params, query }) =>
      versions.list(params.memory_store_id, query),
    'beta.memoryStores.memoryVersions redact': ({ params, apiKeyId }) =>
      versions.redact(params.memory_store_id, params.memory_version_id, apiKeyId),
  };
}

/** A worker acts for its session. */
function actorOf({ apiKeyId, item }: Pick<Caller, 'apiKeyId' | 'item'>): Actor {
  return item
    ? { type: 'session_actor', session_id: item.sessionId }
    : { type: 'api_actor', api_key_id: apiKeyId };
}

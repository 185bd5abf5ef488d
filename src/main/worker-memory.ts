import { createHash } from 'node:crypto';
import type { Memories } from '../domain/collections.ts';
import type { MemoryScene, MemoryWrite } from '../domain/memories.ts';
import type { FindMemories } from '../domain/mounted-memories.ts';
import type { Memory, MemoryListItem } from '../protocol/memories.ts';
import type { RefusalCode } from '../protocol/refusal.ts';
import { Refusal } from '../protocol/refusal.ts';
import type { Client } from './worker-sdk.ts';

/** Of one answer, which lists names only. */
const pageItems = 100;

/**
 * The memory stores of a session, over the API with the secret of its work item. The server decides what a write does; here
 * the same rules only say what to ask it for.
 */
export function remoteMemories(client: Client): FindMemories {
  const { memories } = client.beta.memoryStores;

  async function list(storeId: string): Promise<readonly Memory[] | null> {
    const all: Memory[] = [];
    try {
      for await (const item of memories.list(storeId, { limit: pageItems }))
        if (item.type === 'memory') all.push(item as Memory);
      return all;
    } catch (cause) {
      if (refusalOf(cause)?.code === 'not_found') return null;
      throw cause;
    }
  }

  async function get(storeId: string, id: string): Promise<Memory | null> {
    try {
      return (await memories.retrieve(id, { memory_store_id: storeId })) as Memory;
    } catch (cause) {
      if (refusalOf(cause)?.code === 'not_found') return null;
      throw cause;
    }
  }

  async function ask(
    { store, memory, memoryId }: MemoryScene,
    wanted: Memory | null,
  ): Promise<Memory | null> {
    const memory_store_id = store.id;
    if (memory === null) {
      const { path = '', content } = wanted ?? {};
      return (await memories.create(memory_store_id, { path, content: content ?? '' })) as Memory;
    }
    if (wanted === null) {
      const expected_content_sha256 = memory.content_sha256;
      await memories.delete(memoryId, { memory_store_id, expected_content_sha256 });
      return null;
    }
    return (await memories.update(memoryId, {
      memory_store_id,
      ...(wanted.path === memory.path ? {} : { path: wanted.path }),
      ...(wanted.content_sha256 === memory.content_sha256 ? {} : { content: wanted.content ?? '' }),
      // What the rule saw: whatever came between is a conflict, not overwritten.
      precondition: { type: 'content_sha256', content_sha256: memory.content_sha256 },
    })) as Memory;
  }

  return async (storeId) => {
    const all = await list(storeId);
    if (all === null) return null;
    const remote: Memories = {
      get,
      page: async () => all.map((item: MemoryListItem) => ({ item, position: [0, ''] as const })),
      async write({ memoryId }, rule): Promise<MemoryWrite> {
        // What is in the way, and how much there is, is the server's to say.
        const scene = { ...emptyScene(storeId, memoryId), memory: await get(storeId, memoryId) };
        const decided = rule(scene);
        // The rule had nothing to change.
        if (decided.version === null) return decided;
        try {
          return { ...decided, memory: await ask(scene, decided.memory) };
        } catch (cause) {
          throw refusalOf(cause) ?? cause;
        }
      },
    };
    return { memories: remote, writes: fingerprint(all) };
  };
}

function emptyScene(storeId: string, memoryId: string): MemoryScene {
  const store = {
    id: storeId,
    type: 'memory_store' as const,
    name: '',
    description: '',
    metadata: {},
    created_at: '',
    updated_at: '',
    archived_at: null,
  };
  return { store, memoryId, memory: null, count: 0, blocking: null };
}

/** The same as long as the memories are: the API has no count of writes. */
function fingerprint(all: readonly Memory[]): number {
  const lines = all.map(({ id, path, content_sha256 }) => `${id} ${path} ${content_sha256}`).sort();
  return createHash('sha256').update(lines.join('\n')).digest().readUIntBE(0, 6);
}

const codes: Readonly<Record<string, RefusalCode>> = {
  memory_path_conflict_error: 'memory_path_conflict',
  memory_precondition_failed_error: 'memory_precondition_failed',
  not_found_error: 'not_found',
  invalid_request_error: 'invalid_request',
  permission_error: 'permission',
};

/** What the server answered with, as it said it; null: that was no answer, or says nothing of the memory. */
function refusalOf(cause: unknown): Refusal | null {
  const error = fieldOf(fieldOf(cause, 'error'), 'error');
  const code = codes[String(fieldOf(error, 'type'))];
  if (code === undefined) return null;
  const [id, path] = [fieldOf(error, 'conflicting_memory_id'), fieldOf(error, 'conflicting_path')];
  const conflict =
    typeof id === 'string' && typeof path === 'string'
      ? { conflict: { conflicting_memory_id: id, conflicting_path: path } }
      : {};
  return new Refusal(code, String(fieldOf(error, 'message')), { ...conflict, cause });
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

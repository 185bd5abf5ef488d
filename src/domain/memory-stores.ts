import { formatUs } from '../base/timestamp.ts';
import type { MemoryStore, MemoryStoreCreate, MemoryStoreUpdate } from '../protocol/memory-stores.ts';
import { invalid, Refusal } from '../protocol/refusal.ts';
import { mergeMetadata } from './metadata.ts';

export function createMemoryStore(params: MemoryStoreCreate, id: string, nowUs: number): MemoryStore {
  const at = formatUs(nowUs);
  return {
    id,
    type: 'memory_store',
    name: params.name,
    description: params.description ?? '',
    metadata: params.metadata ?? {},
    created_at: at,
    updated_at: at,
    archived_at: null,
  };
}

/** Absent keeps; a null description is cleared. The same object when nothing changed. */
export function updateMemoryStore(
  current: MemoryStore,
  { name, description, metadata }: MemoryStoreUpdate,
  nowUs: number,
): MemoryStore {
  refuseArchived(current);
  if (name === undefined && description === undefined && metadata == null) {
    throw invalid('at least one of name, description, or metadata must be given');
  }
  const changed: MemoryStore = {
    ...current,
    name: name ?? current.name,
    description: description === undefined ? current.description : (description ?? ''),
    metadata: { ...mergeMetadata(current.metadata, metadata) },
  };
  if (JSON.stringify(changed) === JSON.stringify(current)) return current;
  return { ...changed, updated_at: formatUs(nowUs) };
}

export function archiveMemoryStore(current: MemoryStore, nowUs: number): MemoryStore {
  if (current.archived_at !== null) return current;
  const at = formatUs(nowUs);
  return { ...current, archived_at: at, updated_at: at };
}

/** An archived store and its memories can be read, and emptied, but not written (spec/memory.md, Store). */
export function refuseArchived(store: MemoryStore): void {
  if (store.archived_at !== null) {
    throw invalid(`cannot modify archived resource: memory store ${store.id}`);
  }
}

/** Only a store that is there and can be written may be attached to a new session. */
export function checkAttachable(store: MemoryStore | null, id: string): asserts store is MemoryStore {
  if (!store) throw absentMemoryStore(id);
  if (store.archived_at === null) return;
  throw new Refusal('invalid_request', `Memory store ${id} is archived.`, {
    runError: 'memory_store_archived_error',
  });
}

export function absentMemoryStore(id: string): Refusal {
  return new Refusal('not_found', `Memory store not found: ${id}`, {
    runError: 'session_resource_not_found_error',
  });
}

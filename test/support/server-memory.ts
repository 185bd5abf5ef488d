import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type Anthropic from '@anthropic-ai/sdk';
import Database from 'better-sqlite3';
import type { Refusal } from './sdk-calls.ts';
import { all, refused } from './sdk-calls.ts';
import type { ServerHome } from './server.ts';

type Stores = Anthropic['beta']['memoryStores'];
type Memory = Awaited<ReturnType<Stores['memories']['retrieve']>>;
export type World = {
  readonly stores: Stores;
  readonly storeId: string;
  /** `/notes/todo.md`, with the content "first". */
  readonly memory: Memory;
  /** What calls about it name: its store. */
  readonly at: { readonly memory_store_id: string };
};

export const sha256 = (content: string) => createHash('sha256').update(content).digest('hex');
export const condition = (content: string) => ({
  type: 'content_sha256' as const,
  content_sha256: sha256(content),
});

/** A new store with one memory. */
export async function openWorld(client: Anthropic): Promise<World> {
  const stores = client.beta.memoryStores;
  const { id: storeId } = await stores.create({ name: 'Notes' });
  const memory = await stores.memories.create(storeId, {
    path: '/notes/todo.md',
    content: 'first',
    view: 'full',
  });
  return { stores, storeId, memory, at: { memory_store_id: storeId } };
}

/** All that can be read of a store: two looks are equal when nothing was written in between. */
export async function everything({ stores, storeId }: World): Promise<unknown> {
  return [
    await all(stores.list({ include_archived: true, limit: 100 })),
    await all(stores.memories.list(storeId, { view: 'full' })),
    await all(stores.memoryVersions.list(storeId, { view: 'full' })),
  ];
}

export const staleType = 'memory_precondition_failed_error';
export const takenType = 'memory_path_conflict_error';
export const stale = refused(409, staleType, /does not have the expected content_sha256/);
/** The answer names the memory of this world, which lies at `path`. */
export function taken({ memory }: World, path = '/notes/todo.md'): Refusal {
  const more = { conflicting_memory_id: memory.id, conflicting_path: path };
  return refused(409, takenType, /rename or delete that one, or update it/, more);
}

/** Memories behind the server's back, `/m/1` and so on: as many as no client creates while a test waits. */
export function fillStore(home: ServerHome, storeId: string, count: number): void {
  const database = new Database(join(home.dataDir, 'anthill.db'), { timeout: 5_000 });
  const insert = database.prepare('insert into memories values (?, ?, ?, ?, ?, ?, ?, 1, 1)');
  database.transaction(() => {
    for (let at = 1; at <= count; at++) {
      const text = String(at);
      insert.run(`mem_${storeId}_${at}`, storeId, 'memver_1', `/m/${at}`, text, sha256(text), text.length);
    }
  })();
  database.close();
}

import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { NewId } from '../base/ids.ts';
import { sha256Hex } from '../base/sha256.ts';
import type { Memories, MemoryStores, MemoryTarget } from '../domain/collections.ts';
import { fullViewPageItemsMax } from '../domain/limits.ts';
import type { MemoryMoment, MemoryScene, MemoryWrite } from '../domain/memories.ts';
import {
  absentMemory,
  createMemory,
  deleteMemory,
  measure,
  updateMemory,
  viewed,
} from '../domain/memories.ts';
import { absentMemoryStore } from '../domain/memory-stores.ts';
import type {
  DeletedMemory,
  Memory,
  MemoryCreate,
  MemoryListItem,
  MemoryUpdate,
  MemoryView,
} from '../protocol/memories.ts';
import type { Actor } from '../protocol/memory-versions.ts';
import { invalid } from '../protocol/refusal.ts';
import type { Page, WindowQuery } from './page.ts';
import { pageOf } from './page.ts';

export type MemoryDeps = {
  readonly memoryStores: MemoryStores;
  readonly memories: Memories;
  readonly clock: Clock;
  readonly newId: NewId;
};

/** Which memory, and who asks. */
export type MemoryCall = {
  readonly storeId: string;
  readonly memoryId: string;
  readonly actor: Actor;
};

type View = { readonly view?: MemoryView | undefined };
type MemoryListQuery = WindowQuery &
  View & { readonly path_prefix?: string | undefined; readonly depth?: number | undefined };

export type MemoryCommands = {
  create(call: Omit<MemoryCall, 'memoryId'>, body: MemoryCreate, query: View): Promise<Memory>;
  retrieve(storeId: string, id: string, query: View): Promise<Memory>;
  update(call: MemoryCall, body: MemoryUpdate, query: View): Promise<Memory>;
  list(storeId: string, query: MemoryListQuery): Promise<Page<MemoryListItem>>;
  delete(call: MemoryCall, query: { expected_content_sha256?: string | undefined }): Promise<DeletedMemory>;
};

export function createMemoryCommands({ memoryStores, memories, clock, newId }: MemoryDeps): MemoryCommands {
  /** The memory as the rule leaves it, in a store that must be there. */
  async function write(
    { actor, ...target }: MemoryCall & Pick<MemoryTarget, 'path'>,
    rule: (scene: MemoryScene, moment: MemoryMoment) => MemoryWrite,
  ): Promise<Memory | null> {
    const moment: MemoryMoment = {
      nowUs: clock.nowUs(),
      actor,
      versionId: newId('memver'),
    };
    const written = await memories.write(target, (scene) => rule(scene, moment));
    if (!written) throw absentMemoryStore(target.storeId);
    return written.memory;
  }

  return {
    async create(call, { path, content }, { view = 'basic' }) {
      const measured = measure(content, sha256Hex);
      const target = { ...call, memoryId: newId('mem'), path };
      const memory = await write(target, (scene, moment) =>
        createMemory(scene, { path, content: measured }, moment),
      );
      assert(memory !== null, 'a memory that was created is there');
      return viewed(memory, view);
    },
    async retrieve(storeId, id, { view = 'full' }) {
      const memory = await memories.get(storeId, id);
      if (memory) return viewed(memory, view);
      throw (await memoryStores.get(storeId)) ? absentMemory(id) : absentMemoryStore(storeId);
    },
    async update(call, { path, content, precondition }, { view = 'basic' }) {
      if (path == null && content == null) throw invalid('at least one of content or path must be given');
      const change = { path, precondition, content: content == null ? null : measure(content, sha256Hex) };
      const memory = await write({ ...call, path: path ?? null }, (scene, moment) =>
        updateMemory(scene, change, moment),
      );
      assert(memory !== null, 'an update leaves a memory behind');
      return viewed(memory, view);
    },
    async list(storeId, query) {
      if (!(await memoryStores.get(storeId))) throw absentMemoryStore(storeId);
      checkFullView(query);
      return await pageOf(query, { limit: 20, order: 'asc' }, ({ limit, after }) =>
        memories.page(storeId, {
          limit,
          after: after === null ? null : String(after[1]),
          prefix: query.path_prefix ?? '/',
          depth: query.depth ?? 0,
          withContent: query.view === 'full',
        }),
      );
    },
    async delete(call, { expected_content_sha256 }) {
      await write({ ...call, path: null }, (scene, moment) =>
        deleteMemory(scene, expected_content_sha256, moment),
      );
      return { id: call.memoryId, type: 'memory_deleted' };
    },
  };
}

/** A page of contents is shorter than one of names. */
export function checkFullView({ view, limit }: View & Pick<WindowQuery, 'limit'>): void {
  if (view === 'full' && limit !== undefined && limit > fullViewPageItemsMax) {
    throw invalid(`limit must be between 1 and ${fullViewPageItemsMax} when view is full`);
  }
}

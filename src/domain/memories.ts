import { formatUs } from '../base/timestamp.ts';
import type { Memory, MemoryUpdate, MemoryView } from '../protocol/memories.ts';
import type { MemoryStore } from '../protocol/memory-stores.ts';
import type { Actor, MemoryOperation, MemoryVersion } from '../protocol/memory-versions.ts';
import { invalid, Refusal } from '../protocol/refusal.ts';
import { utf8Bytes } from '../protocol/text.ts';
import { memoriesPerStoreMax } from './limits.ts';
import { refuseArchived } from './memory-stores.ts';

/** What a rule sees inside the transaction of its write. */
export type MemoryScene = {
  readonly store: MemoryStore;
  readonly memoryId: string;
  /** The memory that the write is about, with its content; null before it is created. */
  readonly memory: Memory | null;
  /** Memories in the store. */
  readonly count: number;
  /** Another memory at, above or below the path that is asked for. */
  readonly blocking: { readonly id: string; readonly path: string } | null;
};

/** The memory after the write, null once deleted; the version is null when nothing changed. */
export type MemoryWrite = { readonly memory: Memory | null; readonly version: MemoryVersion | null };

/** When, by whom, and the id that the version gets if there is one. */
export type MemoryMoment = { readonly nowUs: number; readonly actor: Actor; readonly versionId: string };

/** A content measured once, outside the transaction. */
export type MeasuredContent = Pick<Memory, 'content_sha256' | 'content_size_bytes'> & {
  readonly content: string;
};

export function measure(content: string, sha256Hex: (text: string) => string): MeasuredContent {
  return { content, content_sha256: sha256Hex(content), content_size_bytes: utf8Bytes(content) };
}

type Creation = { readonly path: string; readonly content: MeasuredContent };

export function createMemory(scene: MemoryScene, birth: Creation, moment: MemoryMoment): MemoryWrite {
  const { store, blocking, count } = scene;
  refuseArchived(store);
  if (blocking) throw pathConflict(birth.path, blocking);
  if (count >= memoriesPerStoreMax) {
    throw invalid(
      `memory store ${store.id} holds ${memoriesPerStoreMax} memories, as many as it can; delete one first`,
    );
  }
  const at = formatUs(moment.nowUs);
  const memory: Memory = {
    id: scene.memoryId,
    type: 'memory',
    memory_store_id: store.id,
    memory_version_id: moment.versionId,
    path: birth.path,
    ...birth.content,
    created_at: at,
    updated_at: at,
  };
  return { memory, version: versionOf(memory, 'created', moment) };
}

type Change = Pick<MemoryUpdate, 'path' | 'precondition'> & { readonly content: MeasuredContent | null };

/**
 * Absent keeps. A memory that already is what the request asks for stays as it is, whatever the
 * precondition says: the request may be the repetition of one whose answer was lost.
 */
export function updateMemory(
  scene: MemoryScene,
  { path, content, precondition }: Change,
  moment: MemoryMoment,
): MemoryWrite {
  const current = presentMemory(scene);
  refuseArchived(scene.store);
  const isRenamed = path != null && path !== current.path;
  const isRewritten = content !== null && content.content_sha256 !== current.content_sha256;
  if (!isRenamed && !isRewritten) return { memory: current, version: null };
  if (precondition) checkPrecondition(current, precondition.content_sha256);
  if (isRenamed && scene.blocking) throw pathConflict(path, scene.blocking);
  const memory: Memory = {
    ...current,
    ...content,
    path: path ?? current.path,
    memory_version_id: moment.versionId,
    updated_at: formatUs(moment.nowUs),
  };
  return { memory, version: versionOf(memory, 'modified', moment) };
}

/** Allowed in an archived store, too. */
export function deleteMemory(
  scene: MemoryScene,
  expectedSha256: string | undefined,
  moment: MemoryMoment,
): MemoryWrite {
  const current = presentMemory(scene);
  if (expectedSha256 !== undefined) checkPrecondition(current, expectedSha256);
  const version = versionOf(current, 'deleted', moment);
  return {
    memory: null,
    version: { ...version, content: null, content_sha256: null, content_size_bytes: null },
  };
}

/** Forgets what a version held, but not that it was. Repeated, it changes nothing. */
export function redactVersion(
  version: MemoryVersion,
  isHead: boolean,
  { nowUs, actor }: Omit<MemoryMoment, 'versionId'>,
): MemoryVersion {
  if (version.redacted_at !== null) return version;
  if (isHead) {
    throw invalid(
      `memory version ${version.id} is what memory ${version.memory_id} holds now; change or delete the memory first`,
    );
  }
  return {
    ...version,
    path: null,
    content: null,
    content_sha256: null,
    content_size_bytes: null,
    redacted_at: formatUs(nowUs),
    redacted_by: actor,
  };
}

/** What a view shows of a memory or a version. */
export function viewed<T extends { readonly content: string | null }>(item: T, view: MemoryView): T {
  return view === 'full' ? item : { ...item, content: null };
}

/** `/a/b/c` lies below `/a` and `/a/b`. */
export function ancestorsOf(path: string): readonly string[] {
  const segments = path.slice(1).split('/');
  return segments.slice(1).map((_, index) => `/${segments.slice(0, index + 1).join('/')}`);
}

export function absentMemory(id: string): Refusal {
  return new Refusal('not_found', `Memory not found: ${id}`);
}

function presentMemory({ memory, memoryId }: MemoryScene): Memory {
  if (memory) return memory;
  throw absentMemory(memoryId);
}

function checkPrecondition(current: Memory, expectedSha256: string): void {
  if (current.content_sha256 === expectedSha256) return;
  throw new Refusal(
    'memory_precondition_failed',
    `memory ${current.id} does not have the expected content_sha256; retrieve it and try again`,
  );
}

function pathConflict(path: string, blocking: { readonly id: string; readonly path: string }): Refusal {
  const relation = blocking.path === path ? 'is taken by' : `overlaps ${blocking.path} of`;
  return new Refusal(
    'memory_path_conflict',
    `path ${path} ${relation} memory ${blocking.id}; rename or delete that one, or update it`,
    { conflict: { conflicting_memory_id: blocking.id, conflicting_path: blocking.path } },
  );
}

function versionOf(memory: Memory, operation: MemoryOperation, moment: MemoryMoment): MemoryVersion {
  return {
    id: moment.versionId,
    type: 'memory_version',
    memory_store_id: memory.memory_store_id,
    memory_id: memory.id,
    operation,
    path: memory.path,
    content: memory.content,
    content_sha256: memory.content_sha256,
    content_size_bytes: memory.content_size_bytes,
    created_at: formatUs(moment.nowUs),
    created_by: moment.actor,
    redacted_at: null,
  };
}

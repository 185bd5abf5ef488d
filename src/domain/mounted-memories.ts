import { unreachable } from '../base/assert.ts';
import type { Memory } from '../protocol/memories.ts';
import type { Refusal } from '../protocol/refusal.ts';
import type { Memories } from './collections.ts';
import type { MeasuredContent } from './memories.ts';

/** A memory store as directories in sandboxes (spec/memory.md, Mount): what is written there becomes versions, and the store wins. */

/** A store of any workspace, for who works on sessions: a session names only those of its own. Null: deleted. */
export type FindMemories = (storeId: string) => Promise<MountedStore | null>;

export type MountedStore = {
  readonly memories: Memories;
  /** Grows with every write: while it is the same, so are the memories. */
  readonly writes: number;
};

/** A memory as it was last the same in the store and in the directory. `signature` is that of its file. */
export type SyncedMemory = {
  readonly id: string;
  readonly sha256: string;
  readonly signature: string;
};

/** By path. */
export type SyncedMemories = ReadonlyMap<string, SyncedMemory>;

export type FileSeen = {
  readonly path: string;
  readonly signature: string;
  readonly content: MeasuredContent;
};

export type MemoryChange =
  | { readonly type: 'deleted'; readonly path: string; readonly before: SyncedMemory }
  | {
      readonly type: 'moved';
      readonly path: string;
      readonly from: string;
      readonly before: SyncedMemory;
      readonly file: FileSeen;
    }
  | {
      readonly type: 'modified';
      readonly path: string;
      readonly before: SyncedMemory;
      readonly file: FileSeen;
    }
  | { readonly type: 'created'; readonly path: string; readonly file: FileSeen };

/**
 * What an agent did to a directory: `seen` are files that are new or may have changed, `gone` paths that are no more.
 * A file that is gone and stands elsewhere with the same content has moved. What goes makes way for what comes.
 */
export function changesIn(
  synced: SyncedMemories,
  seen: readonly FileSeen[],
  gone: readonly string[],
): readonly MemoryChange[] {
  const left = new Map(gone.flatMap((path) => entryOf(synced, path)));
  const moved: MemoryChange[] = [];
  const written: MemoryChange[] = [];
  for (const file of seen) {
    const { path, content } = file;
    const before = synced.get(path);
    if (before) {
      if (before.sha256 !== content.content_sha256) written.push({ type: 'modified', path, before, file });
      continue;
    }
    const from = [...left].find(([, { sha256 }]) => sha256 === content.content_sha256);
    if (from && content.content !== '') {
      left.delete(from[0]);
      moved.push({ type: 'moved', path, from: from[0], before: from[1], file });
    } else written.push({ type: 'created', path, file });
  }
  const deleted = [...left].map(([path, before]) => ({ type: 'deleted' as const, path, before }));
  return [...deleted, ...moved, ...written];
}

function entryOf(synced: SyncedMemories, path: string): [string, SyncedMemory][] {
  const memory = synced.get(path);
  return memory ? [[path, memory]] : [];
}

/** Memories that have to be written to the directory, and paths to be removed from it, so that it shows the store. */
export function outOfDate(
  synced: SyncedMemories,
  memories: readonly Pick<Memory, 'id' | 'path' | 'content_sha256'>[],
): {
  readonly missing: readonly { readonly id: string; readonly path: string }[];
  readonly removed: readonly string[];
} {
  const paths = new Set(memories.map(({ path }) => path));
  return {
    missing: memories.filter(({ id, path, content_sha256 }) => {
      const known = synced.get(path);
      return known?.id !== id || known.sha256 !== content_sha256;
    }),
    removed: [...synced.keys()].filter((path) => !paths.has(path)),
  };
}

/** Why a change was not kept, for the agent. */
export function unkept(change: MemoryChange, refusal: Refusal): string {
  switch (refusal.code) {
    case 'memory_precondition_failed':
      return 'somebody else changed it in the meantime, so your change was not kept. It has their content now: read it and try again';
    case 'not_found':
      return 'somebody else deleted it in the meantime, so your change was not kept';
    case 'memory_path_conflict':
      return refusal.conflict?.conflicting_path === change.path
        ? 'somebody else made it in the meantime, so yours was not kept. It has their content now: read it and try again'
        : `it was not kept: ${refusal.message}`;
    default:
      return `${verb(change)} was not kept: ${refusal.message}`;
  }
}

function verb(change: MemoryChange): string {
  switch (change.type) {
    case 'deleted':
      return 'deleting it';
    case 'moved':
      return 'moving it here';
    case 'modified':
    case 'created':
      return 'writing it';
    default:
      return unreachable(change);
  }
}

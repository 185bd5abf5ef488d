import { readFile, rename, writeFile } from 'node:fs/promises';
import { assert, unreachable } from '../../base/assert.ts';
import type { Clock } from '../../base/clock.ts';
import type { NewId, SessionId } from '../../base/ids.ts';
import { sha256Hex } from '../../base/sha256.ts';
import type { Memories } from '../../domain/collections.ts';
import { memoriesPerStoreMax, memoryTreeLimits } from '../../domain/limits.ts';
import type { MemoryMoment, MemoryScene, MemoryWrite } from '../../domain/memories.ts';
import { createMemory, deleteMemory, measure, updateMemory } from '../../domain/memories.ts';
import type { FileSeen, FindMemories, MemoryChange, SyncedMemory } from '../../domain/mounted-memories.ts';
import { changesIn, outOfDate, unkept } from '../../domain/mounted-memories.ts';
import { memoryContentBytesMax, memoryPathProblem } from '../../protocol/memories.ts';
import { Refusal } from '../../protocol/refusal.ts';
import type { Tree, TreeEntry } from './agent-tree.ts';
import { putFile, readRegular, removeEntry, scanTree } from './agent-tree.ts';

export type MemoryMount = {
  readonly sessionId: SessionId;
  readonly storeId: string;
  /** Where the agent sees it. */
  readonly place: string;
  readonly isReadOnly: boolean;
  /** The directory on the host. */
  readonly root: string;
  /** A file that says what was the same on both sides last. */
  readonly record: string;
};

export type MemorySources = {
  readonly findMemories: FindMemories;
  readonly clock: Clock;
  readonly newId: NewId;
};

/** Sentences for the agent about what of its changes was not kept. */
export type SyncMemory = (mount: MemoryMount) => Promise<readonly string[]>;

/** What both sides had in common; `writes` is null when they are not known to be the same now. */
type Synced = { readonly writes: number | null; readonly memories: Map<string, SyncedMemory> };

/** One run over one directory. What the agent did goes to the store, then the directory gets what the store has. */
type Run = {
  readonly mount: MemoryMount;
  readonly synced: Map<string, SyncedMemory>;
  /** Paths that do not show what the store has. */
  readonly stale: Map<string, Buffer>;
  readonly notes: string[];
};

const gone = 'the memory store was deleted, so nothing is kept here any more';
const writesAtOnce = 32;

/** Brings a store and its directory in line, both ways. Rejects when it could not; the next time goes on from there. */
export function createMemorySync({ findMemories, clock, newId }: MemorySources): SyncMemory {
  return async (mount) => {
    const before = await recorded(mount.record);
    const store = await findMemories(mount.storeId);
    if (mount.isReadOnly && before.writes !== null && before.writes === store?.writes) return [];
    const tree = await scanTree(mount.root, memoryTreeLimits);
    // A session that never had a sandbox.
    if (tree === null) return [];
    const run: Run = { mount, synced: before.memories, stale: new Map(), notes: [] };
    const { changes, isTouched } = await look(run, tree);
    if (!isTouched && store !== null && before.writes === store.writes) return [];
    if (mount.isReadOnly) for (const { path } of changes) discard(run, path);
    else await push(run, changes, store?.memories ?? null, { clock, newId });
    // Looked up again: what others wrote until now is on the list that follows, and our own writes count.
    const now = await findMemories(mount.storeId);
    const isComplete = await pull(run, now?.memories ?? null);
    await write(mount.record, { writes: isComplete && now ? now.writes : null, memories: run.synced });
    return run.notes;
  };
}

/** What the agent changed. Files that can be no memory are noted, and will be removed. */
async function look(
  run: Run,
  tree: Tree,
): Promise<{ readonly changes: readonly MemoryChange[]; readonly isTouched: boolean }> {
  const seen: FileSeen[] = [];
  const paths = new Set<string>();
  let isTouched = false;
  for (const entry of tree.entries) {
    const path = entry.path === null ? null : `/${entry.path}`;
    if (path !== null) paths.add(path);
    if (path !== null && entry.isRegular && run.synced.get(path)?.signature === entry.signature) continue;
    isTouched = true;
    const file = await fileIn(run.mount.root, entry);
    if (typeof file === 'string') refuse(run, entry, file);
    else if (file !== null) seen.push(file);
  }
  if (!tree.isWhole)
    run.notes.push(`${run.mount.place}: there is too much in it; not all of it was looked at`);
  // What was not looked at is not known to be gone.
  const missing = tree.isWhole ? [...run.synced.keys()].filter((path) => !paths.has(path)) : [];
  for (const file of seen) {
    const known = run.synced.get(file.path);
    if (known?.sha256 === file.content.content_sha256) {
      run.synced.set(file.path, { ...known, signature: file.signature });
    }
  }
  return { changes: changesIn(run.synced, seen, missing), isTouched: isTouched || missing.length > 0 };
}

/** A file as a memory, why it can be none, or null: it is no longer there. */
async function fileIn(root: string, entry: TreeEntry): Promise<FileSeen | string | null> {
  if (!entry.isRegular) return 'only regular files are kept';
  const path = `/${entry.path ?? ''}`;
  const problem = entry.path === null ? 'must be valid UTF-8' : memoryPathProblem(path);
  if (problem !== null) return `its path ${problem}`;
  const tooLarge = `it has more than ${memoryContentBytesMax} bytes, which is the most that a memory may have`;
  if (entry.sizeBytes > memoryContentBytesMax) return tooLarge;
  const bytes = await readRegular(root, entry.raw, memoryContentBytesMax);
  if (bytes === null) return null;
  const text = bytes.toString();
  if (!Buffer.from(text).equals(bytes)) return 'its content is not UTF-8 text';
  return { path, signature: entry.signature, content: measure(text, sha256Hex) };
}

function refuse({ mount, stale, synced, notes }: Run, { path, raw }: TreeEntry, why: string): void {
  const shown = path ?? raw.toString();
  notes.push(`${mount.place}/${shown}: not kept: ${why}`);
  stale.set(`/${shown}`, raw);
  synced.delete(`/${shown}`);
}

async function push(
  run: Run,
  changes: readonly MemoryChange[],
  memories: Memories | null,
  made: { readonly clock: Clock; readonly newId: NewId },
): Promise<void> {
  const makesWay = changes.filter(({ type }) => type === 'deleted' || type === 'moved');
  for (const change of makesWay) await pushOne(run, change, memories, made);
  const others = changes.filter((change) => !makesWay.includes(change));
  for (let at = 0; at < others.length; at += writesAtOnce) {
    const batch = others.slice(at, at + writesAtOnce);
    await Promise.all(batch.map((change) => pushOne(run, change, memories, made)));
  }
}

async function pushOne(
  run: Run,
  change: MemoryChange,
  memories: Memories | null,
  { clock, newId }: { readonly clock: Clock; readonly newId: NewId },
): Promise<void> {
  const { mount, synced, notes } = run;
  const { path } = change;
  if (memories === null && change.type === 'deleted') return;
  const moment: MemoryMoment = {
    nowUs: clock.nowUs(),
    actor: { type: 'session_actor', session_id: mount.sessionId },
    versionId: newId('memver'),
  };
  const memoryId = change.type === 'created' ? newId('mem') : change.before.id;
  const isPlaced = change.type === 'created' || change.type === 'moved';
  const target = { storeId: mount.storeId, memoryId, path: isPlaced ? path : null };
  try {
    const written = await memories?.write(target, (scene) => decide(scene, change, moment));
    if (!written) throw new Refusal('invalid_request', gone);
    if (change.type === 'moved') synced.delete(change.from);
    if (change.type === 'deleted') synced.delete(path);
    else {
      assert(written.memory, 'only what is deleted is not there');
      const { id, content_sha256: sha256 } = written.memory;
      synced.set(path, { id, sha256, signature: change.file.signature });
    }
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause;
    // Both wanted the same.
    if (change.type === 'deleted' && cause.code === 'not_found') return;
    const known = change.type === 'created' ? await sameMemory(run, change.file, cause, memories) : null;
    if (known) synced.set(path, known);
    else {
      notes.push(`${mount.place}${path}: ${unkept(change, cause)}`);
      discard(run, path);
      if (change.type === 'moved') discard(run, change.from);
    }
  }
}

/** The memory in the way, if it is what was to be made: the server may have died after it was. */
async function sameMemory(
  { mount }: Run,
  { path, signature, content }: FileSeen,
  { conflict }: Refusal,
  memories: Memories | null,
): Promise<SyncedMemory | null> {
  if (conflict?.conflicting_path !== path) return null;
  const memory = await memories?.get(mount.storeId, conflict.conflicting_memory_id);
  if (memory?.content_sha256 !== content.content_sha256) return null;
  return { id: memory.id, sha256: memory.content_sha256, signature };
}

/** What the agent has there gives way to what the store has. */
function discard({ synced, stale }: Run, path: string): void {
  stale.set(path, Buffer.from(path.slice(1)));
  synced.delete(path);
}

function decide(scene: MemoryScene, change: MemoryChange, moment: MemoryMoment): MemoryWrite {
  switch (change.type) {
    case 'deleted':
      return deleteMemory(scene, change.before.sha256, moment);
    case 'created':
      return createMemory(scene, { path: change.path, content: change.file.content }, moment);
    case 'moved':
    case 'modified': {
      const precondition = { type: 'content_sha256' as const, content_sha256: change.before.sha256 };
      const path = change.type === 'moved' ? change.path : undefined;
      return updateMemory(scene, { path, content: change.file.content, precondition }, moment);
    }
    default:
      return unreachable(change);
  }
}

/** Whether the directory shows the store now. */
async function pull({ mount, synced, stale }: Run, memories: Memories | null): Promise<boolean> {
  const wanted = memories === null ? [] : await allOf(memories, mount.storeId);
  const { missing, removed } = outOfDate(synced, wanted);
  const paths = new Set(wanted.map(({ path }) => path));
  for (const [path, raw] of stale) if (!paths.has(path)) await removeEntry(mount.root, raw);
  for (const path of removed) {
    await removeEntry(mount.root, Buffer.from(path.slice(1)));
    synced.delete(path);
  }
  let isComplete = true;
  for (const { id, path } of missing) {
    const memory = await memories?.get(mount.storeId, id);
    if (memory?.path !== path || memory.content === null) {
      isComplete = false;
      continue;
    }
    const { content, content_sha256: sha256 } = memory;
    const signature = await putFile(mount.root, path.slice(1), Buffer.from(content)).catch(() => null);
    if (signature === null) isComplete = false;
    else synced.set(path, { id, sha256, signature });
  }
  return isComplete;
}

async function allOf(memories: Memories, storeId: string) {
  const query = { limit: memoriesPerStoreMax, after: null, prefix: '/', depth: 0, withContent: false };
  const rows = await memories.page(storeId, query);
  return rows.flatMap(({ item }) => (item.type === 'memory' ? [item] : []));
}

async function recorded(record: string): Promise<Synced> {
  const text = await readFile(record, 'utf8').catch(() => '{"writes":null,"memories":[]}');
  // Only ever written below.
  const { writes, memories } = JSON.parse(text) as {
    writes: number | null;
    memories: [string, SyncedMemory][];
  };
  return { writes, memories: new Map(memories) };
}

async function write(record: string, { writes, memories }: Synced): Promise<void> {
  const text = JSON.stringify({ writes, memories: [...memories] });
  await writeFile(`${record}.new`, text, { flush: true, mode: 0o600 });
  await rename(`${record}.new`, record);
}

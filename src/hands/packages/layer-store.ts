import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageLayerBytesMax, unusedLayerMsMax, unusedLayersBytesMax } from '../../domain/limits.ts';
import { removeTree } from '../workspaces.ts';

const run = promisify(execFile);

/**
 * Layers on disk. One that is being made lies in `incoming`; what is in `layers` is whole, because it came there by
 * one rename after everything had reached the disk. A layer's time of change is that of its last use.
 */
export type LayerStore = {
  /** Its directory, used from now on; null: there is none. */
  find(key: string): Promise<string | null>;
  /** An empty directory to make a layer in. */
  begin(key: string): Promise<string>;
  /** Rejects with one sentence when it is too large. */
  finish(key: string, incoming: string): Promise<string>;
  discard(incoming: string): Promise<void>;
  /** Removes what was unused for long, and the longest unused where there is too much. */
  sweep(isUsed: (key: string) => boolean, nowMs: number): Promise<void>;
};

/** What an earlier process was making is removed before anything else happens. */
export function createLayerStore(directory: string): LayerStore {
  const incoming = join(directory, 'incoming');
  const layers = join(directory, 'layers');
  const ready = prepare(directory, [incoming, layers]);
  // Heard by whoever needs it.
  ready.catch(() => undefined);

  return {
    async find(key) {
      await ready;
      const path = join(layers, key);
      const now = new Date();
      return await utimes(path, now, now).then(
        () => path,
        () => null,
      );
    },
    async begin(key) {
      await ready;
      const path = join(incoming, `${key}.${randomUUID()}`);
      await mkdir(path, { mode: 0o755 });
      return path;
    },
    async finish(key, path) {
      const bytes = await bytesIn(path);
      if (bytes > packageLayerBytesMax)
        throw new Error(`they take ${bytes} bytes, more than ${packageLayerBytesMax}`);
      await run('sync', ['--file-system', path]);
      await rename(path, join(layers, key));
      return join(layers, key);
    },
    discard: removeTree,
    async sweep(isUsed, nowMs) {
      await ready;
      let kept = 0;
      for (const { key, path, usedMs } of await newestFirst(layers)) {
        if (isUsed(key)) continue;
        kept += await bytesIn(path);
        if (nowMs - usedMs <= unusedLayerMsMax && kept <= unusedLayersBytesMax) continue;
        // Out of the way at once: half a layer must never be found.
        const gone = join(incoming, `${key}.${randomUUID()}`);
        await rename(path, gone);
        await removeTree(gone);
      }
    },
  };
}

async function prepare(directory: string, [incoming = '', layers = '']: readonly string[]): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await removeTree(incoming);
  for (const path of [incoming, layers]) await mkdir(path, { recursive: true, mode: 0o700 });
}

async function newestFirst(layers: string) {
  const found = await Promise.all(
    (await readdir(layers)).map(async (key) => {
      const path = join(layers, key);
      return { key, path, usedMs: (await stat(path)).mtimeMs };
    }),
  );
  return found.sort((a, b) => b.usedMs - a.usedMs);
}

async function bytesIn(path: string): Promise<number> {
  const { stdout } = await run('du', ['--summarize', '--block-size=1', '--', path]);
  return Number.parseInt(stdout, 10);
}

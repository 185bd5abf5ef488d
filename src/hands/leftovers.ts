import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdir, opendir } from 'node:fs/promises';
import { join } from 'node:path';

export type LeftoversOptions = {
  /** Of all sessions. */
  readonly directory: string;
  /** Whose sessions these are: a directory that was used with another database holds sessions that this one does not have. */
  readonly owner: string;
  /** Of these sessions those whose files need not be kept; `isGone`: there is no such session. */
  readonly forsaken: (
    ids: readonly string[],
  ) => Promise<readonly { readonly id: string; readonly isGone: boolean }[]>;
  /** What is older may go when its session is gone; null: nothing. Milliseconds. */
  readonly goneBeforeMs: number | null;
  /** Ends the sandbox, if there is one, and removes its files. */
  readonly release: (sessionId: string) => Promise<void>;
  readonly batch: number;
};

/** Removes the files that sandboxes left here and nobody keeps, one session after the other, of which each is a step. */
export async function* removeLeftovers(options: LeftoversOptions): AsyncGenerator<void> {
  const { directory, owner, goneBeforeMs, batch } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const isOurs = ownerOf(directory, owner) === owner;

  async function* remove(ids: readonly string[]): AsyncGenerator<void> {
    for (const { id, isGone } of await options.forsaken(ids)) {
      if (isGone && !(isOurs && isOlder(join(directory, id), goneBeforeMs))) continue;
      // It may have gone on while others were removed.
      if ((await options.forsaken([id])).length === 0) continue;
      await options.release(id);
      yield;
    }
  }

  let ids: string[] = [];
  for await (const entry of await opendir(directory)) {
    if (!entry.isDirectory() || !/^(sesn|session)_/.test(entry.name)) continue;
    ids.push(entry.name);
    if (ids.length < batch) continue;
    yield* remove(ids);
    ids = [];
  }
  yield* remove(ids);
}

/** Whoever comes first owns the directory. */
function ownerOf(directory: string, owner: string): string {
  const path = join(directory, 'owner');
  if (!existsSync(path)) writeFileSync(path, `${owner}\n`, { mode: 0o600 });
  return readFileSync(path, 'utf8').trim();
}

function isOlder(path: string, beforeMs: number | null): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return beforeMs !== null && stat !== undefined && stat.mtimeMs <= beforeMs;
}

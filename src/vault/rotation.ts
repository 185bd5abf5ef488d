import { existsSync, readFileSync } from 'node:fs';
import type { Reseal } from '../domain/sealing.ts';
import { moveDurably, removeDurably, writeDurably } from './durable-files.ts';
import { checkOf, masterKeyFiles, opensCheck, parseMasterKey, printMasterKey } from './master-key.ts';
import { createSeal, unseal } from './sealing.ts';

/**
 * A change of the master key, in an order that a crash cannot harm. The commit of the database decides: it
 * holds the secrets sealed with the new key and, beside them, the new check as a mark.
 *
 *   begin     master.key.next, master.check.next      not committed: both are removed again
 *   commit    every secret, and the mark
 *   settle    master.key.next → master.key            committed: both take the place of the old ones
 *             master.check.next → master.check
 *
 * A key that was given from outside is not written down; `master.key` then goes, for it opens nothing.
 */

export type Rotation = { readonly mark: string; readonly reseal: Reseal };

export type Keys = {
  readonly current: Uint8Array;
  readonly next: Uint8Array;
  /** Whether the next one is to be kept in the data directory. */
  readonly isKept: boolean;
};

/** Puts the next key and its check beside the current ones. Secrets may be rewritten once it has returned. */
export function beginRotation(dataDir: string, { current, next, isKept }: Keys): Rotation {
  const files = nextFiles(dataDir);
  const mark = checkOf(next);
  // The key comes first: a check alone is of no use.
  if (isKept) writeDurably(files.key, printMasterKey(next));
  writeDurably(files.check, mark);
  return { mark, reseal: createReseal(current, next) };
}

export function createReseal(current: Uint8Array, next: Uint8Array): Reseal {
  const seal = createSeal(next);
  return (sealed, place) => seal(unseal(current, sealed, place), place);
}

/**
 * Brings the files of the key in line with the database, whatever a crash left: `mark` is the one that was
 * committed last, null when there is none. May be repeated, and cut off, at will.
 */
export function settleRotation(dataDir: string, mark: string | null): 'nothing' | 'finished' | 'undone' {
  const next = nextFiles(dataDir);
  const check = textOf(next.check);
  if (check === null || check !== mark) {
    const isLeft = [next.key, next.check].some((path) => existsSync(path) || existsSync(`${path}.new`));
    if (!isLeft) return 'nothing';
    for (const path of [next.check, next.key]) removeDurably(path);
    return 'undone';
  }
  const now = masterKeyFiles(dataDir);
  if (existsSync(next.key)) moveDurably(next.key, now.key);
  else if (!isKeyOf(textOf(now.key), check)) removeDurably(now.key);
  // Last: as long as it has this name there is something to settle.
  moveDurably(next.check, now.check);
  return 'finished';
}

function isKeyOf(text: string | null, check: string): boolean {
  const key = text === null ? null : parseMasterKey(text);
  return key !== null && opensCheck(key, check);
}

function nextFiles(dataDir: string): { readonly key: string; readonly check: string } {
  const { key, check } = masterKeyFiles(dataDir);
  return { key: `${key}.next`, check: `${check}.next` };
}

function textOf(path: string): string | null {
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : null;
}

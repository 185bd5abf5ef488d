import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** Files that a crash at any moment leaves as they were or as they shall be. */

/** 0600, whole or not at all, and on disk when it returns. */
export function writeDurably(path: string, text: string): void {
  const temporary = `${path}.new`;
  rmSync(temporary, { force: true });
  withFile(openSync(temporary, 'wx', 0o600), (file) => writeSync(file, `${text}\n`));
  moveDurably(temporary, path);
}

/** Within one directory. What had the name before is gone. */
export function moveDurably(from: string, to: string): void {
  renameSync(from, to);
  syncFolder(to);
}

/** With what a write of it that was cut off left behind. */
export function removeDurably(path: string): void {
  rmSync(`${path}.new`, { force: true });
  rmSync(path, { force: true });
  syncFolder(path);
}

function syncFolder(path: string): void {
  withFile(openSync(dirname(path), 'r'), () => {});
}

/** Writes, syncs and closes. */
function withFile(file: number, write: (file: number) => void): void {
  try {
    write(file);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

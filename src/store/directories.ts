import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';

/** Creates a directory for us alone, durably, unless it is there; whether it was not. */
export function makeDirectory(path: string): boolean {
  const isNew = mkdirSync(path, { recursive: true, mode: 0o700 }) !== undefined;
  if (isNew) syncDirectory(dirname(path));
  return isNew;
}

/** A new name survives a power cut once the directory that holds it is on disk. */
export function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  fsyncSync(directory);
  closeSync(directory);
}

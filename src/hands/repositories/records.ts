import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ResourceId } from '../../base/ids.ts';
import type { ClonedRepository } from '../../domain/repositories.ts';

/** `placing`: it is on its way to its place, and was there in full if it is there at all. */
export type CloneRecord = ClonedRepository & { readonly stage: 'placing' | 'placed' };
export type CloneRecords = ReadonlyMap<ResourceId, CloneRecord>;

/** What a session's directory says of its repositories. The agent does not see it. */
export async function readRecords(path: string): Promise<CloneRecords> {
  const text = await readFile(path, 'utf8').catch(() => '[]');
  // Only ever written below.
  return new Map(JSON.parse(text) as [ResourceId, CloneRecord][]);
}

export async function writeRecords(path: string, records: CloneRecords): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(`${path}.new`, JSON.stringify([...records]), { flush: true, mode: 0o600 });
  await rename(`${path}.new`, path);
}

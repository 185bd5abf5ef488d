import { createHash } from 'node:crypto';
import { chownSync } from 'node:fs';
import type { SandboxSpec } from '../../domain/sandbox.ts';

/** Uids far from any real user's; the same session gets the same one, so that its workspace stays its own. */
export function sessionUid(id: string): number {
  const hash = createHash('sha256').update(id).digest().readUInt32LE(0);
  return 700_000_000 + (hash % 2 ** 28);
}

/** What the session's user must be able to open becomes their own. */
export function takePlaces({ mounts, door }: SandboxSpec, uid: number): void {
  for (const { host, isShared } of mounts) if (isShared !== true) chownSync(host, uid, uid);
  if (door !== null) chownSync(door, uid, uid);
}

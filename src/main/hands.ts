import { join } from 'node:path';
import { systemClock } from '../base/clock.ts';
import { newId } from '../base/ids.ts';
import type { Hands } from '../domain/hands.ts';
import type { SandboxProvider } from '../domain/sandbox.ts';
import { createDiskQuota } from '../hands/disk-quota.ts';
import { createHands } from '../hands/hands.ts';
import { createMounts } from '../hands/mounts/mounts.ts';
import { createSnapshots, noSnapshots } from '../hands/snapshots.ts';
import { createWorkspaces } from '../hands/workspaces.ts';
import type { DoorParts } from './doors.ts';
import { composeDoors } from './doors.ts';
import { composePackages } from './packages.ts';
import { openRepositories } from './repositories.ts';

export type HandsParts = DoorParts & {
  readonly provider: SandboxProvider;
  /** Other servers take sessions over: their files must be found there. */
  readonly isShared: boolean;
};

/** Sandboxes of sessions, and everything that is brought into them and taken out. */
export function composeHands({ provider, isShared, ...parts }: HandsParts) {
  const { store, config, log } = parts;
  const directory = join(config.dataDir, 'sessions');
  const common = { directory, clock: systemClock, log };
  const doors = composeDoors(parts);
  const hands: Hands = createHands({
    provider,
    workspaces: createWorkspaces(directory, store.placeFile),
    doors,
    packages: composePackages({ store, config, provider, doors, log }),
    mounts: createMounts({ ...store, ...common, newId }),
    disk: createDiskQuota({ ...config, ...common }),
    snapshots: isShared
      ? createSnapshots({ ...common, snapshots: store.sessionSnapshots, blobs: store.blobs })
      : noSnapshots,
    clock: systemClock,
    log,
  });
  return { hands, repositories: openRepositories({ ...parts, provider, doors }) };
}

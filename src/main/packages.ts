import { join } from 'node:path';
import { systemClock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Packages } from '../domain/packages.ts';
import type { SandboxProvider } from '../domain/sandbox.ts';
import type { Doors } from '../hands/egress/doors.ts';
import type { Images } from '../hands/images/images.ts';
import { createImages } from '../hands/images/images.ts';
import { hostTools } from '../hands/packages/host-tools.ts';
import { createPackages } from '../hands/packages/packages.ts';
import type { Store } from '../store/open.ts';
import type { Config } from './config.ts';

export type PackageParts = {
  readonly store: Store;
  readonly config: Config;
  readonly provider: SandboxProvider;
  readonly doors: Doors;
  readonly log: Log;
};

/** What environments want to have installed. */
export function composePackages({ store, config, provider, doors, log }: PackageParts): Packages {
  return createPackages({
    directory: join(config.dataDir, 'packages'),
    configOf: store.readEnvironmentConfig,
    variables: config.packageVariables,
    images: composeImages(config, log),
    usualSystem: () => usualSystem(config),
    provider,
    doors,
    clock: systemClock,
    log,
  });
}

async function usualSystem({ sandbox }: Config): Promise<readonly string[]> {
  return sandbox.provider === 'container' ? [sandbox.image] : await hostTools();
}

export function composeImages({ dataDir, rootfs, programs, sandbox }: Config, log: Log): Images {
  return createImages({
    directory: join(dataDir, 'images'),
    settings: rootfs,
    isForbidden: sandbox.provider === 'container',
    isRoot: process.getuid?.() === 0,
    path: programs,
    log,
  });
}

import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { SandboxSystem } from '../../domain/sandbox.ts';

type Reach = {
  /** A host path as whoever runs bubblewrap sees it. */
  readonly reach: (host: string) => string;
  /** Where the launcher can mount; null: nowhere. */
  readonly stage: string | null;
};

/** What root of a system that is being built may do to the files and users of that system, and to nothing else. */
export const builderCapabilities: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETFCAP',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SYS_CHROOT',
].flatMap((name) => ['--cap-add', name]);

/**
 * An image as the system of a sandbox: read-only and directory by directory, beside those that every sandbox has of
 * its own; or, while packages are installed, writable as a whole through an overlay.
 *
 *   session:  overlay(lower = layer/upper : image), read-only     build:  overlay(lower = image, upper = layer/upper)
 */
export function imageArguments(system: SandboxSystem, etc: string, { reach, stage }: Reach) {
  const { image, layer, isBuilt = false } = system;
  const merged = layer === null || stage === null ? null : `${stage}/system`;
  if (layer !== null && merged === null) throw new Error('packages of apt need a server that runs as root');
  const lower = reach(image);
  const root = merged ?? lower;
  const upper = layer === null ? '' : `${reach(layer)}/upper`;
  const options = isBuilt
    ? `lowerdir=${lower},upperdir=${upper},workdir=${reach(layer ?? '')}/work`
    : `lowerdir=${upper}:${lower}`;
  return {
    beforehand: merged === null ? [] : ['--overlay', merged, options],
    binds: [...(isBuilt ? ['--bind', root, '/'] : directoriesOf(image, root)), ...ownEtc(etc)],
    isBuilt,
  };
}

/** Of the sandbox, whatever the image has there. */
const own = new Set([
  'proc',
  'dev',
  'sys',
  'run',
  'tmp',
  'root',
  'home',
  'mnt',
  'media',
  'boot',
  'workspace',
]);

function directoriesOf(image: string, root: string): string[] {
  return readdirSync(image).flatMap((name) => {
    if (own.has(name)) return [];
    const about = lstatSync(join(image, name));
    if (about.isSymbolicLink()) return ['--symlink', readlinkSync(join(image, name)), `/${name}`];
    return about.isDirectory() ? ['--ro-bind', `${root}/${name}`, `/${name}`] : [];
  });
}

/** Files that tell of the network that a sandbox has. Every image has them, see `hands/images/prepare.ts`. */
export const ownEtcFiles = ['hosts', 'hostname', 'resolv.conf'] as const;

function ownEtc(etc: string): string[] {
  return ownEtcFiles.flatMap((name) => ['--ro-bind', `${etc}/${name}`, `/etc/${name}`]);
}

import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chown, lstat, mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Log } from '../../base/log.ts';
import { sha256Hex } from '../../base/sha256.ts';
import { imageBuildMsMax, packagesRetryMs } from '../../domain/limits.ts';
import { buildDebian, debianProblem } from './debian.ts';
import { emptyDirectories, prepareImage } from './prepare.ts';
import { unpackImage } from './unpack.ts';
import { systemUid } from './users.ts';

const run = promisify(execFile);

/** `rootfs` of anthill.yaml: the system that sandboxes see. */
export type RootfsSettings = {
  /** `image`: every sandbox has one; `host`: only those whose environment has packages of apt. */
  readonly type: 'host' | 'image';
  /** A directory with a system, or a tar file in OCI layout; null: Debian, built here. */
  readonly image: string | null;
  /** Of Debian. Null: that of the tool which builds it. */
  readonly mirror: string | null;
  readonly suite: string;
  readonly include: readonly string[];
};

export type Images = {
  /** Every sandbox has one. */
  readonly isUsual: boolean;
  /** The image's directory, made first if need be. Rejects with one sentence. */
  find(signal: AbortSignal): Promise<string>;
  /** Makes the directories for what packages change in an image. */
  beginLayer(directory: string): Promise<void>;
  /** Why there is no image and none can be made; null: there is nothing in the way. */
  problem(): Promise<string | null>;
};

export type ImagesOptions = {
  readonly directory: string;
  readonly settings: RootfsSettings;
  /** Sandboxes are containers, which bring an image of their own. */
  readonly isForbidden?: boolean;
  readonly isRoot: boolean;
  /** The `PATH` in which tools are looked for. */
  readonly path: string;
  readonly log: Log;
};

/** One image, made once and then never changed: what is in its place is whole. */
export function createImages(options: ImagesOptions): Images {
  const { directory, settings, isRoot, path, log } = options;
  const incoming = join(directory, 'incoming');
  const cleaned = removeUnfinished(incoming);
  // Heard by whoever needs it.
  cleaned.catch(() => undefined);
  let making: Promise<string> | null = null;
  let failed: { readonly untilMs: number; readonly cause: unknown } | null = null;

  async function make(target: string, signal: AbortSignal): Promise<string> {
    await cleaned;
    const place = join(incoming, randomUUID());
    await mkdir(place, { recursive: true, mode: 0o755 });
    log.info('image.making', { from: settings.image ?? `Debian ${settings.suite}` });
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(imageBuildMsMax)]);
      await fill(place, options, limit);
      await prepareImage(place, isRoot ? systemUid : null);
      await rename(place, target);
      log.info('image.made');
      return target;
    } catch (cause) {
      await removeUnfinished(place);
      throw cause;
    }
  }

  async function find(signal: AbortSignal): Promise<string> {
    if (options.isForbidden) throw new Error(ofContainers);
    const target = join(directory, await keyOf(settings));
    if (existsSync(target)) return target;
    if (failed !== null && failed.untilMs > Date.now()) throw failed.cause;
    making ??= make(target, signal)
      .catch((cause: unknown) => {
        if (!signal.aborted) failed = { untilMs: Date.now() + packagesRetryMs, cause };
        throw cause;
      })
      .finally(() => {
        making = null;
      });
    return await making;
  }

  return {
    isUsual: settings.type === 'image',
    find,
    async beginLayer(layer) {
      await mkdir(join(layer, 'work'));
      await mkdir(join(layer, 'upper'), { mode: 0o755 });
      // The system's directory `/` looks like this one.
      if (isRoot) await chown(join(layer, 'upper'), systemUid, systemUid);
    },
    async problem() {
      if (options.isForbidden) return ofContainers;
      if (settings.image !== null)
        return existsSync(settings.image) ? null : `there is no image at ${settings.image}`;
      return existsSync(join(directory, await keyOf(settings))) ? null : debianProblem({ isRoot, path });
    },
  };
}

const ofContainers =
  'sandboxes are containers: choose an image for them (sandbox: image in anthill.yaml) that has the packages of apt';

/** Whatever is mounted there is of this machine, and stays. */
async function removeUnfinished(path: string): Promise<void> {
  await run('rm', ['--recursive', '--force', '--one-file-system', '--', path]);
}

/** An image in another place, or with other contents, is another one. */
async function keyOf({ image, mirror, suite, include }: RootfsSettings): Promise<string> {
  if (image === null) return sha256Hex(JSON.stringify([suite, mirror, include])).slice(0, 20);
  const about = await lstat(image).catch((cause: unknown) => {
    throw new Error(`there is no image at ${image}`, { cause });
  });
  return sha256Hex(JSON.stringify([image, about.size, about.mtimeMs])).slice(0, 20);
}

async function fill(place: string, options: ImagesOptions, signal: AbortSignal): Promise<void> {
  const { settings } = options;
  if (settings.image === null) return await buildDebian(place, options, signal);
  if (!(await lstat(settings.image)).isDirectory()) return await unpackImage(settings.image, place, signal);
  const names = (await readdir(settings.image)).filter((name) => !emptyDirectories.includes(name));
  const sources = names.map((name) => join(settings.image ?? '', name));
  await run('cp', ['--archive', '--reflink=auto', '--', ...sources, place], { signal });
}

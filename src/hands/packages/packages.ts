import type { Clock } from '../../base/clock.ts';
import { createGate } from '../../base/gate.ts';
import type { Log } from '../../base/log.ts';
import { sha256Hex } from '../../base/sha256.ts';
import type { ReadEnvironmentConfig } from '../../domain/egress.ts';
import { packageBuildsAtOnceMax, packagesBuildMsMax, packagesRetryMs } from '../../domain/limits.ts';
import type { PackageLayer, PackageLists, Packages } from '../../domain/packages.ts';
import {
  aptSteps,
  layerVariables,
  packageSteps,
  packagesError,
  packagesPlace,
  sortedPackages,
} from '../../domain/packages.ts';
import type { SandboxSystem } from '../../domain/sandbox.ts';
import type { EnvironmentConfig } from '../../protocol/environments.ts';
import type { Images } from '../images/images.ts';
import type { Build, BuildOptions } from './build.ts';
import { build } from './build.ts';
import { createLayerStore } from './layer-store.ts';

export type PackagesOptions = BuildOptions & {
  readonly directory: string;
  readonly configOf: ReadEnvironmentConfig;
  readonly images: Images;
  /** What packages besides apt's depend on, where sandboxes have no image of ours. */
  readonly usualSystem: () => Promise<readonly string[]>;
  readonly clock: Clock;
  readonly log: Log;
};

type CloudConfig = Extract<EnvironmentConfig, { type: 'cloud' }>;
/** Layers that one sandbox uses. */
type Hold = { readonly keys: Set<string>; isOver: boolean };
type Failure = { readonly untilMs: number; readonly cause: Error };
type Wanted = Omit<Build, 'directory' | 'system' | 'config'> & {
  readonly config: CloudConfig;
  /** What it is made in, given where it is made. */
  readonly systemIn: (directory: string) => SandboxSystem | null;
};

/**
 * Layers of packages: each made once, by whoever wants it first, in the background; all others wait for the same. A
 * layer is known by what it is made of, so environments with the same packages share it, and an environment that
 * changes gets another.
 *
 *   apt:   image ─▶ layer of the system (overlay)       the rest:   system ─▶ a directory, seen at /mnt/packages
 */
export function createPackages(options: PackagesOptions): Packages {
  const { directory, configOf, images, clock, log } = options;
  const store = createLayerStore(directory);
  const making = new Map<string, Promise<string>>();
  const failures = new Map<string, Failure>();
  const uses = new Map<string, number>();
  const closing = new AbortController();
  const gate = createGate(packageBuildsAtOnceMax);
  const nowMs = () => clock.nowUs() / 1000;

  /** Rejects with what failed. */
  async function layer(wanted: Wanted): Promise<string> {
    const known = making.get(wanted.key);
    if (known) return await known;
    const failure = failures.get(wanted.key);
    if (failure && failure.untilMs > nowMs()) throw failure.cause;
    const made = findOrMake(wanted).finally(() => making.delete(wanted.key));
    making.set(wanted.key, made);
    return await made;
  }

  async function findOrMake(wanted: Wanted): Promise<string> {
    const found = await store.find(wanted.key);
    if (found !== null) return found;
    failures.delete(wanted.key);
    try {
      return await gate(() => make(wanted));
    } catch (cause) {
      const failed = cause instanceof Error ? cause : new Error(String(cause));
      if (!closing.signal.aborted) {
        failures.set(wanted.key, { untilMs: nowMs() + packagesRetryMs, cause: failed });
        log.warn('packages.not_installed', { key: wanted.key, cause: failed });
      }
      throw failed;
    }
  }

  async function make({ systemIn, ...wanted }: Wanted): Promise<string> {
    const begunMs = nowMs();
    closing.signal.throwIfAborted();
    log.info('packages.installing', { key: wanted.key });
    const incoming = await store.begin(wanted.key);
    const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(packagesBuildMsMax)]);
    try {
      const system = systemIn(incoming);
      if (system?.isBuilt) await images.beginLayer(incoming);
      await build(options, { ...wanted, directory: incoming, system }, signal);
      const path = await store.finish(wanted.key, incoming);
      log.info('packages.installed', { key: wanted.key, ms: Math.round(nowMs() - begunMs) });
      void sweep();
      return path;
    } catch (cause) {
      await store.discard(incoming);
      throw cause;
    }
  }

  function sweep(): Promise<void> {
    const isUsed = (key: string) => (uses.get(key) ?? 0) > 0 || making.has(key);
    return store.sweep(isUsed, nowMs()).catch((cause: unknown) => log.warn('packages.not_swept', { cause }));
  }

  function use(hold: Hold, key: string): void {
    // Who no longer waits for it must not keep it.
    if (hold.isOver || hold.keys.has(key)) return;
    hold.keys.add(key);
    uses.set(key, (uses.get(key) ?? 0) + 1);
  }

  async function gather(config: CloudConfig, hold: Hold): Promise<Omit<PackageLayer, 'release'>> {
    const lists = sortedPackages(config);
    const problems: string[] = [];
    const attempt = async <T>(work: () => Promise<T>): Promise<T | null> => {
      try {
        return await work();
      } catch (cause) {
        problems.push(cause instanceof Error ? cause.message : String(cause));
        return null;
      }
    };
    const whole = (wanted: Wanted) => {
      use(hold, wanted.key);
      return layer(wanted);
    };
    // Where every sandbox has an image, none goes without.
    const usual = images.isUsual ? { image: await images.find(closing.signal), layer: null } : null;
    const system =
      lists.apt.length === 0
        ? usual
        : ((await attempt(async () => {
            const image = usual?.image ?? (await images.find(closing.signal));
            return { image, layer: await whole(aptLayer(config, lists, image)) };
          })) ?? usual);
    const steps = packageSteps(lists);
    if (steps.length === 0) return { system, mounts: [], environment: {}, problem: problemOf(problems) };
    const tree = await attempt(async () => {
      const path = await whole({
        key: keyOf({ system: system ?? (await options.usualSystem()), ...lists, apt: [] }),
        config,
        steps,
        systemIn: () => system,
      });
      return { host: `${path}/tree`, sandbox: packagesPlace, readOnly: true, isShared: true as const };
    });
    return {
      system,
      mounts: tree === null ? [] : [tree],
      environment: tree === null ? {} : layerVariables,
      problem: problemOf(problems),
    };
  }

  return {
    async layerFor(environmentId, signal) {
      const config = await configOf(environmentId);
      const hold: Hold = { keys: new Set(), isOver: false };
      const release = () => {
        hold.isOver = true;
        for (const key of hold.keys) uses.set(key, (uses.get(key) ?? 1) - 1);
        hold.keys.clear();
      };
      if (config?.type !== 'cloud')
        return { system: null, mounts: [], environment: {}, problem: null, release };
      try {
        return { ...(await unlessAborted(gather(config, hold), signal)), release };
      } catch (cause) {
        release();
        throw cause;
      }
    },
    async close() {
      closing.abort(new Error('the server is stopping'));
      await Promise.allSettled(making.values());
    },
  };
}

function aptLayer(config: CloudConfig, { apt }: PackageLists, image: string): Wanted {
  return {
    key: keyOf({ image, apt }),
    config,
    steps: aptSteps(apt),
    systemIn: (layer) => ({ image, layer, isBuilt: true }),
  };
}

function keyOf(parts: object): string {
  return sha256Hex(JSON.stringify([process.arch, parts])).slice(0, 40);
}

function problemOf(problems: readonly string[]): PackageLayer['problem'] {
  if (problems.length === 0) return null;
  return packagesError(`Packages of the environment could not be installed: ${problems.join('; ')}`);
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
  });
  signal.addEventListener('abort', onAbort, { once: true });
  return await Promise.race([work, aborted]).finally(() => signal.removeEventListener('abort', onAbort));
}

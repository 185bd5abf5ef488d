import { execFile } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { ToolOutcome, ToolRequest } from '../domain/hands.ts';
import {
  diskLookMs,
  diskMeasureMs,
  diskMeasureMsMax,
  diskReserve,
  diskSlackBytes,
  diskUnknownBytes,
} from '../domain/limits.ts';
import type { Sandbox, SandboxSpec } from '../domain/sandbox.ts';
import { collect, supervisorPath } from './supervisor/sandbox.ts';
import { failed } from './tools/outcome.ts';

/**
 * How much of the disk the agents of sessions take. No file system that everybody has counts by session, so this looks:
 *
 *   twice a second    how full is the disk? One call; where it filled up by less than a session may still take, that is all
 *   else              what does the session have, in files and in removed files that are still open?
 *   over its quota    everything that runs in its sandbox is ended; what it has now it may keep, but not add to
 *   disk nearly full  the same for the session that takes most, one after the other until there is room
 *
 * So a session can be over by what it writes in half a second and the time of a measurement, and the reserve is for that.
 */
export type DiskQuota = {
  /** Until the sandbox is gone. */
  watch(sandbox: Sandbox, spec: Pick<SandboxSpec, 'id' | 'mounts'>): DiskWatch;
};

export type DiskWatch = {
  /** A call, which is an error when what it started was ended, or when it would only write more. */
  guard(request: ToolRequest, run: () => Promise<ToolOutcome>): Promise<ToolOutcome>;
};

export const noDiskQuota: DiskQuota = { watch: () => ({ guard: (_, run) => run() }) };

export type DiskQuotaOptions = {
  /** On the file system that sessions lie on. */
  readonly dataDir: string;
  readonly diskQuotaBytes: number;
  readonly clock: Clock;
  readonly log: Log;
  /** How full the disk is; the machine's unless given. */
  readonly look?: (directory: string) => Promise<DiskSeen>;
};

export type DiskSeen = { readonly usedBytes: number; readonly freeBytes: number; readonly sizeBytes: number };

/** `bytes`: null when they could not be counted. `isHiding`: there may be more than was seen. */
type Use = { readonly bytes: number | null; readonly isHiding: boolean };

type Watched = {
  readonly sandbox: Sandbox;
  readonly id: string;
  readonly places: SandboxSpec['mounts'];
  /** What it may have: its quota, or what it had when it was stopped. */
  allowedBytes: number;
  useBytes: number;
  /** Of the whole disk: the least since the last measurement. */
  diskBytes: number;
  isMeasured: boolean;
  measuredUs: number;
  /** Something ran since. */
  isTouched: boolean;
  isHiding: boolean;
  /** For the next result: why what ran was ended. */
  stopped: string | null;
  isFull: boolean;
};

const run = promisify(execFile);
const writers: readonly string[] = ['write', 'edit'];

export function createDiskQuota(options: DiskQuotaOptions): DiskQuota {
  const { dataDir, diskQuotaBytes: quotaBytes, clock, log, look = lookAt } = options;
  const all = new Set<Watched>();
  /** Aborted when there is nothing left to look after; null: nobody looks. */
  let looking: AbortController | null = null;

  async function keepLooking(): Promise<void> {
    if (looking) return;
    looking = new AbortController();
    const { signal } = looking;
    while (!signal.aborted) {
      await clock.sleep(diskLookMs, signal).catch(() => undefined);
      if (!signal.aborted) await once().catch((cause: unknown) => log.warn('disk.not_measured', { cause }));
    }
  }

  async function once(): Promise<void> {
    const seen = await look(dataDir);
    const isTight =
      seen.freeBytes < Math.min(diskReserve.bytesMax, seen.sizeBytes * diskReserve.share) && all.size > 0;
    for (const one of all) if (isTight || isDue(one, seen)) await measureOne(one, seen);
    if (isTight) makeRoom();
    else for (const one of all) one.isFull = one.useBytes > quotaBytes;
  }

  /** The disk filled up so much that it could have been this one; or it was not looked at for long. */
  function isDue(one: Watched, { usedBytes }: DiskSeen): boolean {
    one.diskBytes = Math.min(one.diskBytes, usedBytes);
    const grown = usedBytes - one.diskBytes;
    const left = one.isMeasured ? one.allowedBytes - one.useBytes : Math.min(quotaBytes, diskUnknownBytes);
    if (grown > Math.max(diskSlackBytes, left / 4)) return true;
    // What was removed counts at once.
    if (one.isFull && one.isTouched) return true;
    return one.isTouched && clock.nowUs() - one.measuredUs > diskMeasureMs * 1000;
  }

  async function measureOne(one: Watched, seen: DiskSeen): Promise<void> {
    const { bytes, isHiding } = await measure(one);
    if (!all.has(one)) return;
    one.diskBytes = seen.usedBytes;
    one.isMeasured = true;
    one.measuredUs = clock.nowUs();
    one.isTouched = false;
    one.useBytes = bytes ?? Number.POSITIVE_INFINITY;
    one.isHiding = isHiding;
    if (one.useBytes <= one.allowedBytes + (one.allowedBytes > quotaBytes ? diskSlackBytes : 0)) {
      one.allowedBytes = Math.max(quotaBytes, Math.min(one.allowedBytes, one.useBytes));
      return;
    }
    const taken = bytes === null ? 'more files than can be counted' : `${mebibytes(bytes)} MiB`;
    stop(one, `the session has ${taken} on disk, and its quota is ${mebibytes(quotaBytes)} MiB`);
    // What was open and had no name is gone now.
    const left = await measure(one);
    one.useBytes = left.bytes ?? Number.POSITIVE_INFINITY;
    one.allowedBytes = Math.max(quotaBytes, one.useBytes);
  }

  function makeRoom(): void {
    // Who hides something comes first.
    const [most] = [...all].toSorted(
      (a, b) => Number(b.isHiding) - Number(a.isHiding) || b.useBytes - a.useBytes,
    );
    if (most) stop(most, 'the disk of the server is full');
    for (const one of all) one.isFull = true;
  }

  function stop(one: Watched, why: string): void {
    one.sandbox.killAll();
    one.isFull = true;
    one.stopped = `${why}: what was running was ended. Remove what is not needed before you write more`;
    log.warn('disk.quota_exceeded', { sessionId: one.id, useBytes: one.useBytes, quotaBytes });
  }

  return {
    watch(sandbox, { id, mounts }) {
      const one: Watched = {
        sandbox,
        id,
        places: mounts.filter(({ readOnly }) => !readOnly),
        allowedBytes: quotaBytes,
        useBytes: 0,
        diskBytes: Number.POSITIVE_INFINITY,
        isMeasured: false,
        measuredUs: clock.nowUs(),
        isTouched: true,
        isHiding: false,
        stopped: null,
        isFull: false,
      };
      all.add(one);
      void sandbox.gone.then(() => {
        all.delete(one);
        if (all.size > 0) return;
        looking?.abort();
        looking = null;
      });
      void keepLooking();
      return { guard: (request, call) => guard(one, request, call) };
    },
  };
}

async function guard(
  one: Watched,
  { name }: ToolRequest,
  call: () => Promise<ToolOutcome>,
): Promise<ToolOutcome> {
  one.isTouched = true;
  if (one.isFull && writers.includes(name))
    return failed(`${name}: no room on disk: remove what is not needed with bash first`);
  const outcome = await call();
  one.isTouched = true;
  if (one.stopped === null) return outcome;
  const text = `[${one.stopped}]`;
  one.stopped = null;
  return { content: [...outcome.content, { type: 'text', text }], isError: true };
}

async function lookAt(directory: string): Promise<DiskSeen> {
  const { bsize, blocks, bfree, bavail } = await statfs(directory);
  return { usedBytes: (blocks - bfree) * bsize, freeBytes: bavail * bsize, sizeBytes: blocks * bsize };
}

async function measure(one: Watched): Promise<Use> {
  const [named, held] = await Promise.all([measureFiles(one), measureHeld(one.sandbox)]);
  const bytes = named.bytes === null ? null : named.bytes + (held?.bytes ?? 0);
  return { bytes, isHiding: named.isPart || held === null || held.hidden > 0 };
}

type Named = { readonly bytes: number | null; readonly isPart: boolean };

/** A directory that nobody may enter is opened by a process of the sandbox: the server changes nothing there. */
async function measureFiles({ sandbox, places }: Watched): Promise<Named> {
  const first = await count(places.map(({ host }) => host));
  if (!first.isPart || first.bytes === null) return first;
  const argv = ['/bin/chmod', '-R', 'u+rwX', '--', ...places.map((place) => place.sandbox)];
  await collect(sandbox.exec, argv, { signal: AbortSignal.timeout(diskMeasureMsMax) }).catch(() => undefined);
  return await count(places.map(({ host }) => host));
}

/** `du` follows no links, and counts what is linked twice once. What vanishes meanwhile makes it complain. */
async function count(directories: readonly string[]): Promise<Named> {
  const limits = { timeout: diskMeasureMsMax, maxBuffer: 1024 * 1024, killSignal: 'SIGKILL' } as const;
  const args = ['-scx', '--block-size=1', '--', ...directories];
  const { stdout, killed, isPart } = await run('du', args, limits).then(
    (done) => ({ stdout: done.stdout, killed: false, isPart: false }),
    (cause: unknown) => ({ ...said(cause), isPart: true }),
  );
  const total = /(\d+)\s+total\n?$/.exec(stdout)?.[1];
  return { bytes: killed || total === undefined ? null : Number(total), isPart };
}

function said(cause: unknown): { readonly stdout: string; readonly killed: boolean } {
  const { stdout, killed } = Object(cause);
  return { stdout: typeof stdout === 'string' ? stdout : '', killed: killed === true };
}

/** Null when the sandbox does not answer: it may have no process to spare. */
async function measureHeld(
  sandbox: Sandbox,
): Promise<{ readonly bytes: number; readonly hidden: number } | null> {
  try {
    const argv = [supervisorPath, 'held', '/workspace'];
    const signal = AbortSignal.timeout(heldMsMax);
    const [bytes, hidden] = (await collect(sandbox.exec, argv, { signal })).toString().trim().split(' ');
    return { bytes: Number(bytes), hidden: Number(hidden) };
  } catch {
    return null;
  }
}

const heldMsMax = 2_000;

function mebibytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}

import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { claimsAtOnceMax } from '../domain/limits.ts';
import { Refusal } from '../protocol/refusal.ts';

export type WorkerOptions<Job> = {
  /** The next job, already leased to us, or `null`. */
  readonly claim: () => Promise<Job | null>;
  /**
   * Runs the job to its end; resolves with whether there may be something to claim because of it. A rejection is
   * logged; the job's lease decides what happens next.
   */
  readonly run: (job: Job) => Promise<boolean>;
  /** When the earliest job that waits for its time is due, microseconds, or `null`. */
  readonly nextDueUs: () => Promise<number | null>;
  readonly concurrencyMax: number;
  /** Longest nap: backs up every hint that got lost. */
  readonly pollMs: number;
  readonly clock: Clock;
  readonly log: Log;
};

export type Worker<Job> = {
  /** Whether another job could start now. */
  hasRoom(): boolean;
  /** A job that is already leased to us; false when it is too late for it. */
  offer(job: Job): boolean;
  /** A hint that there is something to claim. Cheap, may be wrong. */
  poke(): void;
  /** Stops claiming and resolves when no job runs any more. */
  close(): Promise<void>;
};

/** One background loop: claim → run → claim. Hints wake it early, a poll backs them up. */
export function startWorker<Job>(options: WorkerOptions<Job>): Worker<Job> {
  const { claim, run, clock, log } = options;
  const running = new Set<Promise<void>>();
  let closing = false;
  let poked = false;
  let nap: AbortController | null = null;

  function poke(): void {
    poked = true;
    nap?.abort('poked');
  }

  /**
   * A hint is followed when something is due by the clock; what else there may be is looked for with every poll. Where
   * there is much, after a restart say, more is claimed at once: a store commits that together.
   */
  async function loop(): Promise<void> {
    let pollUs = clock.nowUs();
    let atOnce = 1;
    while (!closing) {
      poked = false;
      const dueUs = await nextDueUs();
      const nowUs = clock.nowUs();
      const looks = nowUs >= Math.min(pollUs, dueUs ?? pollUs) ? Math.min(atOnce, room()) : 0;
      const jobs = (await Promise.all(Array.from({ length: looks }, claimed))).filter((job) => job !== null);
      for (const job of jobs) start(job);
      atOnce = jobs.length < atOnce ? 1 : Math.min(2 * atOnce, claimsAtOnceMax);
      // Where one was, there may be more.
      if (looks > 0) pollUs = jobs.length === 0 ? nowUs + options.pollMs * 1000 : nowUs;
      if (jobs.length === 0) await rest(hasRoom() ? dueUs : null);
    }
  }

  const room = () => (closing ? 0 : options.concurrencyMax - running.size);

  const hasRoom = () => room() > 0;

  async function claimed(): Promise<Job | null> {
    try {
      return await claim();
    } catch (cause) {
      if (cause instanceof Refusal && cause.code === 'unavailable') log.warn('worker.store_away', { cause });
      else log.error('worker.claim_failed', { cause });
      await clock.sleep(options.pollMs);
      return null;
    }
  }

  function start(job: Job): void {
    const ended: Promise<void> = run(job)
      .catch((cause) => {
        log.error('worker.job_failed', { cause });
        return true;
      })
      .then((isMore) => {
        // Hints that came while there was no room were followed by nobody.
        const wasFull = !hasRoom();
        running.delete(ended);
        if (isMore || wasFull) poke();
      });
    running.add(ended);
  }

  async function rest(dueUs: number | null): Promise<void> {
    if (poked || closing) return;
    const untilDueMs = dueUs === null ? options.pollMs : Math.max(1, (dueUs - clock.nowUs()) / 1000);
    nap = new AbortController();
    // Waking up early is what the signal is for.
    await clock.sleep(Math.min(options.pollMs, untilDueMs), nap.signal).catch(() => undefined);
    nap = null;
  }

  async function nextDueUs(): Promise<number | null> {
    try {
      return await options.nextDueUs();
    } catch (cause) {
      // The poll comes anyway.
      log.warn('worker.next_due_unknown', { cause });
      return null;
    }
  }

  const ended = loop();
  return {
    hasRoom,
    offer(job) {
      if (closing) return false;
      start(job);
      return true;
    },
    poke,
    async close() {
      closing = true;
      poke();
      await ended;
      await Promise.all(running);
    },
  };
}

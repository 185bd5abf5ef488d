import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { retentionPollMs } from '../domain/limits.ts';
import type { Worker } from './worker.ts';
import { startWorker } from './worker.ts';

export type RetainDeps = {
  /** What is done once in a while, in steps. */
  readonly round: () => AsyncGenerator<void>;
  readonly clock: Clock;
  readonly log: Log;
};

/** Takes away what has been kept for long enough, step by step; whatever ends a round in its middle, the next one does the rest. */
export function retain({ round, clock, log }: RetainDeps): Pick<Worker<true>, 'close'> {
  let steps: AsyncGenerator<void> | null = null;

  async function step(): Promise<true | null> {
    steps ??= round();
    try {
      if (!(await steps.next()).done) return true;
    } catch (cause) {
      log.warn('retention.interrupted', { cause });
    }
    steps = null;
    return null;
  }

  return startWorker<true>({
    claim: step,
    run: async () => true,
    nextDueUs: async () => null,
    concurrencyMax: 1,
    pollMs: retentionPollMs,
    clock,
    log,
  });
}

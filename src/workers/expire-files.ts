import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { FileExpiry } from '../domain/collections.ts';
import { expiryPollMs } from '../domain/limits.ts';
import type { Worker } from './worker.ts';
import { startWorker } from './worker.ts';

export type ExpireFilesDeps = {
  readonly fileExpiry: FileExpiry;
  readonly clock: Clock;
  readonly log: Log;
};

/**
 * Gives back the space of files that have expired. Nobody waits for it: what clients see of a file is
 * decided by its time alone.
 */
export function expireFiles({ fileExpiry, clock, log }: ExpireFilesDeps): Pick<Worker<true>, 'close'> {
  return startWorker<true>({
    claim: async () => ((await fileExpiry.expire(clock.nowUs())) ? true : null),
    run: async () => true,
    nextDueUs: async () => null,
    concurrencyMax: 1,
    pollMs: expiryPollMs,
    clock,
    log,
  });
}

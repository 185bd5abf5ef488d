import { sha256Hex } from '../base/sha256.ts';
import { scheduleJitter, upcomingRunsMax } from './limits.ts';

/** A cron expression in the wall-clock time of a zone; both were checked at the door. */
export type CronSchedule = { readonly expression: string; readonly timezone: string };

/**
 * The instants strictly after `afterUs` at which a schedule matches, in order, microseconds. A local time that
 * is skipped in spring does not match, one that comes twice in autumn matches twice. Ends at a horizon of
 * `scheduleHorizonYears`.
 */
export type Occurrences = (schedule: CronSchedule, afterUs: number) => Iterable<number>;

/** `scheduledAtUs`: when the expression matches. `startsAtUs`: when the run starts. */
export type UpcomingRun = { readonly scheduledAtUs: number; readonly startsAtUs: number };

export type ScheduledRuns = {
  readonly schedule: CronSchedule;
  readonly deploymentId: string;
  readonly occurrences: Occurrences;
};

/** The runs whose scheduled time is after `afterUs`, in order. */
export function* runsAfter(
  { schedule, deploymentId, occurrences }: ScheduledRuns,
  afterUs: number,
): Generator<UpcomingRun> {
  const share = shareOf(deploymentId);
  let scheduledAtUs: number | null = null;
  for (const nextUs of occurrences(schedule, afterUs)) {
    if (scheduledAtUs !== null) {
      yield { scheduledAtUs, startsAtUs: scheduledAtUs + jitterUs(share, nextUs - scheduledAtUs) };
    }
    scheduledAtUs = nextUs;
  }
  if (scheduledAtUs !== null) {
    yield { scheduledAtUs, startsAtUs: scheduledAtUs + jitterUs(share, Number.MAX_SAFE_INTEGER) };
  }
}

/**
 * The next runs that have not started at `nowUs`: of a schedule that has been in force since `sinceUs`, so that
 * what matched before is not made up for.
 */
export function upcomingRuns(
  runs: ScheduledRuns,
  { nowUs, sinceUs }: { readonly nowUs: number; readonly sinceUs: number },
): UpcomingRun[] {
  const upcoming: UpcomingRun[] = [];
  for (const run of runsAfter(runs, Math.max(sinceUs, nowUs - scheduleJitter.maxUs))) {
    if (run.startsAtUs > nowUs) upcoming.push(run);
    if (upcoming.length === upcomingRunsMax) break;
  }
  return upcoming;
}

/** In whole seconds, so that no two runs of a schedule change places: at most a part of the way to the next. */
function jitterUs(share: number, intervalUs: number): number {
  const { minUs, maxUs, intervalShare } = scheduleJitter;
  const most = Math.max(minUs, Math.min(maxUs, intervalUs * intervalShare));
  return Math.floor((minUs + share * (most - minUs)) / 1_000_000) * 1_000_000;
}

/** From 0 up to 1, the same for ever: deployments of one schedule start spread out. */
function shareOf(deploymentId: string): number {
  return Number.parseInt(sha256Hex(deploymentId).slice(0, 8), 16) / 2 ** 32;
}

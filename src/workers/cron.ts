import { Cron } from 'croner';
import { cronFields } from '../protocol/schedules.ts';

/** Wall-clock time as if it were UTC, milliseconds: no zone, no gaps. */
export type WallMs = number;

/** The first minute strictly after `wallMs` that an expression matches; `null`: never again. */
export type NextMatch = (expression: string, wallMs: WallMs) => WallMs | null;

const keptMax = 256;

/**
 * Day of month and day of week are alternatives when both are restricted, by anything but a plain `*`. The
 * library knows more syntax than ours, which the door keeps out, and has its own idea of daylight saving,
 * which is why it is only ever asked about UTC.
 */
export function createNextMatch(): NextMatch {
  const kept = new Map<string, Cron>();
  return (expression, wallMs) => {
    let cron = kept.get(expression);
    if (!cron) {
      if (kept.size >= keptMax) kept.clear();
      cron = new Cron(cronFields(expression).join(' '), { utcOffset: 0, mode: '5-part', paused: true });
      kept.set(expression, cron);
    }
    return cron.nextRun(new Date(wallMs))?.getTime() ?? null;
  };
}

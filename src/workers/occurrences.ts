import { scheduleHorizonYears } from '../domain/limits.ts';
import type { Occurrences } from '../domain/schedules.ts';
import type { NextMatch } from './cron.ts';
import { createNextMatch } from './cron.ts';
import type { Zones } from './zones.ts';
import { createZones } from './zones.ts';

const hourMs = 3_600_000;
const yearMs = 366 * 24 * hourMs;
/** Looked at in one piece for a change of the clocks: no zone changes twice within it, or by more. */
const windowMs = 48 * hourMs;
/** No zone is further ahead of UTC, with some to spare. */
const aheadMsMax = 15 * hourMs;

/**
 * Cron in local time. Where clocks do not change, local time is UTC and an offset, so the walk goes from
 * change to change and asks for the matches in between:
 *
 *     instants   ──────┬───────── spring ─────────┬───────── autumn ──────▶
 *     local       … 01:59 │ 03:00 …           … 02:59 │ 02:00 … 02:59 …
 *                  what is between never matches       both pieces match
 */
export function createOccurrences(): Occurrences {
  const zones = createZones();
  const next = createNextMatch();
  return function* ({ expression, timezone }, afterUs) {
    const nextInZone = walk({ zones, next, zone: timezone, expression });
    const afterMs = Math.floor(afterUs / 1000);
    const horizonMs = afterMs + scheduleHorizonYears * yearMs;
    let atMs = nextInZone(afterMs, horizonMs);
    while (atMs !== null) {
      yield atMs * 1000;
      atMs = nextInZone(atMs, horizonMs);
    }
  };
}

type Walk = {
  readonly zones: Zones;
  readonly next: NextMatch;
  readonly zone: string;
  readonly expression: string;
};

/** The first match strictly after an instant and before another. Remembers the piece it is in: minutes share it. */
function walk({ zones, next, zone, expression }: Walk) {
  let piece = { fromMs: 0, untilMs: 0, offsetMs: 0 };

  /** The offset at an instant and how far it is known to hold, at most a window. */
  function pieceAt(fromMs: number): typeof piece {
    if (fromMs >= piece.fromMs && fromMs < piece.untilMs) return piece;
    const windowEndMs = fromMs + windowMs;
    const untilMs = zones.nextChangeMs(zone, fromMs, windowEndMs) ?? windowEndMs;
    piece = { fromMs, untilMs, offsetMs: zones.offsetMs(zone, fromMs) };
    return piece;
  }

  return (afterMs: number, horizonMs: number): number | null => {
    // Every step goes on by a window or to the next match, so the horizon ends it.
    for (let fromMs = afterMs + 1; fromMs < horizonMs; ) {
      const { untilMs, offsetMs } = pieceAt(fromMs);
      const wallMs = next(expression, fromMs - 1 + offsetMs);
      if (wallMs === null) return null;
      const atMs = wallMs - offsetMs;
      if (atMs < untilMs) return atMs;
      // Behind a whole window without a change no local time is one that has been, so none before the match matches.
      fromMs = untilMs - fromMs < windowMs ? untilMs : Math.max(untilMs, wallMs - aheadMsMax);
    }
    return null;
  };
}

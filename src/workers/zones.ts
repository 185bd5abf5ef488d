import { assert } from '../base/assert.ts';

export type Zones = {
  /** What the zone's clocks are ahead of UTC at an instant, milliseconds. */
  offsetMs(zone: string, atMs: number): number;
  /** The first instant in `(fromMs, untilMs]` at which the offset differs from that at `fromMs`, or `null`. */
  nextChangeMs(zone: string, fromMs: number, untilMs: number): number | null;
};

/** Formatters are dear to make and large to keep. */
const keptMax = 128;

/** Time zones as the runtime knows them. */
export function createZones(): Zones {
  const kept = new Map<string, Intl.DateTimeFormat>();

  function formatterOf(zone: string): Intl.DateTimeFormat {
    let formatter = kept.get(zone);
    if (!formatter) {
      if (kept.size >= keptMax) kept.clear();
      formatter = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
      kept.set(zone, formatter);
    }
    return formatter;
  }

  function offsetMs(zone: string, atMs: number): number {
    const text = formatterOf(zone).format(atMs);
    const match = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(text);
    assert(match, `${text} ends with an offset`);
    const [, sign, hours = 0, minutes = 0, seconds = 0] = match;
    const size = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
    return sign === '-' ? -size : size;
  }

  return {
    offsetMs,
    nextChangeMs(zone, fromMs, untilMs) {
      const before = offsetMs(zone, fromMs);
      if (offsetMs(zone, untilMs) === before) return null;
      let same = fromMs;
      let changed = untilMs;
      // Halves the window, so it ends after some thirty steps.
      while (changed - same > 1) {
        const middle = Math.floor((same + changed) / 2);
        if (offsetMs(zone, middle) === before) same = middle;
        else changed = middle;
      }
      return changed;
    },
  };
}

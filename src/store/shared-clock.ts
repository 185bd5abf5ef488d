import { CompiledQuery } from 'kysely';
import type { Clock } from '../base/clock.ts';
import { clockSkewMsMax } from '../domain/limits.ts';
import type { Engine } from './engines/engine.ts';

/** `skewMs`: how far the given one is ahead; 0 when that does not matter. */
export type SharedClock = { readonly clock: Clock; readonly skewMs: number };

/**
 * The time of the database, for servers whose clocks differ: by its own clock one would take the leases of others for
 * ended, or have its own taken. Looked at once; a clock that is set while the server runs changes nothing.
 */
export async function shareClock(engine: Engine, clock: Clock): Promise<SharedClock> {
  const askedUs = clock.nowUs();
  const [row] = await engine.read.all(now);
  const here = (askedUs + clock.nowUs()) / 2;
  const skewUs = Math.round(here - Number(row?.now_us));
  if (Math.abs(skewUs) <= clockSkewMsMax * 1000) return { clock, skewMs: 0 };
  const corrected = { ...clock, nowUs: () => clock.nowUs() - skewUs };
  return { clock: corrected, skewMs: Math.round(skewUs / 1000) };
}

const now: CompiledQuery<{ now_us: string }> = CompiledQuery.raw(
  'select (extract(epoch from clock_timestamp()) * 1000000)::bigint::text as now_us',
);

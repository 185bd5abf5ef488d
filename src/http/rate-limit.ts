import type { Clock } from '../base/clock.ts';
import { rateBucketsMax } from '../domain/limits.ts';
import type { Bucket, RateLimits } from '../domain/rate-limits.ts';
import { isFull, takeToken } from '../domain/rate-limits.ts';
import { Refusal } from '../protocol/refusal.ts';
import type { Route } from '../protocol/route.ts';

/** Counts a request of a key, and refuses one too many with 429 and `retry-after`. */
export type CountRequest = (keyId: string, route: Pick<Route, 'method'>) => void;

/**
 * One bucket of tokens per key and class: reads, and everything that writes. A stream counts once, when it is
 * opened. Buckets live in this process; a restart fills them.
 */
export function createRateLimit(limits: RateLimits, clock: Clock): CountRequest {
  const buckets = new Map<string, Bucket>();

  function forgetFull(nowUs: number): void {
    for (const [name, bucket] of buckets) if (isFull(bucket, nowUs)) buckets.delete(name);
  }

  return (keyId, { method }) => {
    const kind = method === 'GET' ? 'read' : 'create';
    const limit = Object.hasOwn(limits.keys, keyId) ? limits.keys[keyId] : limits;
    const perMinute = (kind === 'read' ? limit?.readPerMinute : limit?.createPerMinute) ?? null;
    if (perMinute === null) return;
    const nowUs = clock.nowUs();
    const name = `${kind} ${keyId}`;
    const taken = takeToken(buckets.get(name) ?? null, perMinute, nowUs);
    if ('waitSeconds' in taken) throw tooMany(kind, perMinute, taken.waitSeconds);
    // Only keys that exist get here, so what is not full is bounded by them.
    if (buckets.size >= rateBucketsMax) forgetFull(nowUs);
    buckets.set(name, taken.bucket);
  };
}

function tooMany(kind: 'read' | 'create', perMinute: number, retryAfterSeconds: number): Refusal {
  return new Refusal(
    'rate_limited',
    `This key may make ${perMinute} ${kind} requests per minute; try again in ${retryAfterSeconds} s`,
    { retryAfterSeconds },
  );
}

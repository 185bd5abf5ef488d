/** Requests that a key may make per minute; `null`: as many as it likes (spec/limits.md, Request and rate limits). */
export type RateLimit = { readonly createPerMinute: number | null; readonly readPerMinute: number | null };

export type RateLimits = RateLimit & {
  /** Of single keys, by id, instead of the general ones. */
  readonly keys: Readonly<Record<string, RateLimit>>;
};

/** A bucket of tokens as it was left at a time; one that nobody has touched for a minute is full again. */
export type Bucket = { readonly tokens: number; readonly atUs: number };

const minuteUs = 60_000_000;

/** One token less, or how long until there is one. */
export function takeToken(
  bucket: Bucket | null,
  perMinute: number,
  nowUs: number,
): { readonly bucket: Bucket } | { readonly waitSeconds: number } {
  const tokens = tokensAt(bucket, perMinute, nowUs);
  if (tokens >= 1) return { bucket: { tokens: tokens - 1, atUs: nowUs } };
  return { waitSeconds: Math.max(1, Math.ceil(((1 - tokens) * 60) / perMinute)) };
}

function tokensAt(bucket: Bucket | null, perMinute: number, nowUs: number): number {
  if (bucket === null) return perMinute;
  // A clock that was set back gives nothing and takes nothing away.
  const passedUs = Math.max(0, nowUs - bucket.atUs);
  return Math.min(perMinute, bucket.tokens + (passedUs * perMinute) / minuteUs);
}

/** Whether forgetting a bucket changes nothing. */
export function isFull({ atUs }: Bucket, nowUs: number): boolean {
  return nowUs - atUs >= minuteUs;
}

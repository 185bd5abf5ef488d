export type Backoff = { readonly baseMs: number; readonly capMs: number };

/**
 * Exponential delay with full jitter in its upper half: attempt 1 waits `baseMs`/2…`baseMs`, each
 * further attempt twice as long, never over `capMs`. `random` is in [0, 1).
 */
export function backoffMs(attempt: number, { baseMs, capMs }: Backoff, random: number): number {
  const full = Math.min(capMs, baseMs * 2 ** (attempt - 1));
  return Math.round(full / 2 + (full / 2) * random);
}

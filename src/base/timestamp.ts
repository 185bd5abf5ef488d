/** RFC 3339 UTC with microseconds, the form of every event's `processed_at`. */
export function formatUs(atUs: number): string {
  const ms = Math.floor(atUs / 1000);
  const rest = String(atUs - ms * 1000).padStart(3, '0');
  return `${new Date(ms).toISOString().slice(0, -1)}${rest}Z`;
}

/** Integer microseconds of an RFC 3339 time, or `null` when the text is not one. */
export function parseUs(text: string): number | null {
  const match = /^(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/.exec(text);
  if (!match) return null;
  const ms = Date.parse(`${match[1]?.replace(/[t ]/, 'T')}${match[3]?.toUpperCase()}`);
  if (Number.isNaN(ms)) return null;
  return ms * 1000 + Number((match[2] ?? '').padEnd(6, '0').slice(0, 6));
}

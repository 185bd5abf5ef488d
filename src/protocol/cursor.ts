import { invalid } from './refusal.ts';

/** Where a page begins: behind `position`, walking in `order`; `back` walks towards the previous page. */
export type Cursor = {
  readonly order: 'asc' | 'desc';
  readonly position: readonly [number, number | string];
  readonly back: boolean;
};

const utf8 = new TextEncoder();

/** Opaque to clients, who get it with a seal behind it (http/cursors.ts). */
export function encodeCursor({ order, position, back }: Cursor): string {
  const bytes = utf8.encode(JSON.stringify([order, position[0], position[1], ...(back ? [1] : [])]));
  return `page_${btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')}`;
}

/** A cursor that was made by `encodeCursor` for the same order; anything else is a 400. Its seal is off by then. */
export function decodeCursor(text: string, order: 'asc' | 'desc'): Cursor {
  const cursor = parseCursor(text);
  if (cursor === null) throw invalid('page: invalid cursor');
  if (cursor.order !== order) throw invalid(`page: this cursor belongs to order ${cursor.order}`);
  return cursor;
}

function parseCursor(text: string): Cursor | null {
  // A position may be the path of a memory: up to a kilobyte, more once it is quoted and encoded.
  if (!/^page_[A-Za-z0-9_-]{1,4000}$/.test(text)) return null;
  let parsed: unknown;
  try {
    const bytes = atob(text.slice(5).replaceAll('-', '+').replaceAll('_', '/'));
    parsed = JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0))));
  } catch {
    return null;
  }
  if (!Array.isArray(parsed) || (parsed.length !== 3 && parsed.length !== 4)) return null;
  const [order, time, tie, back]: unknown[] = parsed;
  if (order !== 'asc' && order !== 'desc') return null;
  if (typeof time !== 'number' || !Number.isSafeInteger(time)) return null;
  if (typeof tie !== 'string' && !Number.isSafeInteger(tie)) return null;
  if (back !== undefined && back !== 1) return null;
  // Both branches of the tie-breaker were checked above.
  return { order, position: [time, tie as number | string], back: back === 1 };
}

/** What PostgreSQL wants otherwise than SQLite, whose compiler makes the queries. */

/** Outside of quotes `?` is `$1`, `$2`, …, and no list may be empty. */
export function numbered(text: string): string {
  let count = 0;
  return text.replace(/'(?:[^']|'')*'|"[^"]*"|\?| in \(\)/g, (part) => {
    if (part === '?') return `$${++count}`;
    return part === ' in ()' ? ' in (null)' : part;
  });
}

/** Texts are compared by their bytes, whatever the database was created with. */
export function schemaOf(statement: string): string {
  return statement.replace(/^(\s*)(\w+) text\b|( add column \w+) text\b/gm, (all) => `${all} collate "C"`);
}

/**
 * PostgreSQL takes no U+0000 in a text. It and U+0001, which marks it, become two characters each, so that every text
 * keeps its place among the others.
 */
export function parameter(value: unknown): unknown {
  if (typeof value !== 'string' || !hasMark(value)) return value;
  return value.replaceAll('\u0001', '\u0001\u0002').replaceAll('\u0000', '\u0001\u0001');
}

export function parsedText(text: string): string {
  if (!text.includes('\u0001')) return text;
  return text.replaceAll('\u0001\u0001', '\u0000').replaceAll('\u0001\u0002', '\u0001');
}

function hasMark(text: string): boolean {
  return text.includes('\u0000') || text.includes('\u0001');
}

/** Every integer of ours is one that JavaScript can hold. */
export function parsedInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new Error(`the database holds ${text}, which is no safe integer`);
  return value;
}

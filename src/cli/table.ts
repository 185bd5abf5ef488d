import type { Paint } from './io.ts';
import { visible } from './io.ts';

const gap = '  ';

/**
 * Rows for people to read. A column is a path, perhaps behind a name of its own: `cents:list_cost.amount`. One
 * that is empty in every row is left out.
 */
export function tableOf(rows: readonly unknown[], columns: readonly string[], paint: Paint): string {
  const named = columns
    .map(columnOf)
    .map(({ name, path }) => ({ name, cells: rows.map((row) => cell(at(row, path))) }))
    .filter(({ cells }) => cells.some((text) => text !== ''));
  const widths = named.map(({ name, cells }) => Math.max(name.length, ...cells.map((text) => text.length)));
  const line = (texts: readonly string[]) =>
    texts
      .map((text, index) => (index === texts.length - 1 ? text : text.padEnd(widths[index] ?? 0)))
      .join(gap)
      .trimEnd();
  const head = paint('dim', line(named.map(({ name }) => name.toUpperCase())));
  const body = rows.map((_, row) => line(named.map(({ cells }) => cells[row] ?? '')));
  return [head, ...body].join('\n');
}

/** One row, each value in a line of its own. */
export function listOf(row: unknown, columns: readonly string[], paint: Paint): string {
  const named = columns
    .map(columnOf)
    .map(({ name, path }) => ({ name, text: cell(at(row, path)) }))
    .filter(({ text }) => text !== '');
  const width = Math.max(0, ...named.map(({ name }) => name.length));
  return named.map(({ name, text }) => `${paint('cyan', name.padEnd(width))}${gap}${text}`).join('\n');
}

function columnOf(column: string): { readonly name: string; readonly path: string } {
  const [name = '', path = name] = column.split(':');
  return { name, path };
}

function at(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (part, name) => (typeof part === 'object' && part !== null ? Reflect.get(part, name) : undefined),
      value,
    );
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = Array.isArray(value) ? value.map(String).join(', ') : String(value);
  return visible(text).replace(/\s+/g, ' ');
}

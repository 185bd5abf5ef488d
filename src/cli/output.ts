import { styleText } from 'node:util';
import { toYaml } from '../base/yaml.ts';
import type { CliIo } from './io.ts';
import { UsageMistake } from './io.ts';

export type Format = 'auto' | 'json' | 'jsonl' | 'pretty' | 'yaml' | 'raw';
const formats: readonly Format[] = ['auto', 'json', 'jsonl', 'pretty', 'yaml', 'raw'];

export function formatOf(text: string | null): Format {
  const format = formats.find((known) => known === (text ?? 'auto'));
  if (!format) throw new UsageMistake(`--format: must be one of ${formats.join(', ')}`);
  return format;
}

export type OutputOptions = {
  readonly io: CliIo;
  readonly format: Format;
  /** Dotted path to the part to print, such as `agent.id` or `content.0.text`. */
  readonly transform: string | null;
};

/** Prints results: JSON on a pipe, readable on a terminal. `one` of a single answer, else of a sequence. */
export function createOutput({
  io,
  format,
  transform,
}: OutputOptions): (value: unknown, place: 'one' | 'item') => void {
  const chosen = format === 'auto' && io.stdout.isTTY ? 'pretty' : format;
  return (value, place) => {
    const part = transform === null ? value : partOf(value, transform);
    if (part === undefined) return;
    io.stdout.write(`${render(part, chosen, place, useColour(io))}\n`);
  };
}

function render(value: unknown, format: Format, place: 'one' | 'item', colour: boolean): string {
  if (format === 'yaml') return toYaml(value).trimEnd();
  // A transformed string is what a shell wants to put into a variable.
  if (typeof value === 'string' && format !== 'json' && format !== 'jsonl') return value;
  if (format === 'pretty') return readable(value, '', colour);
  if (format === 'jsonl' || (format !== 'json' && place === 'item')) return JSON.stringify(value);
  return JSON.stringify(value, null, 2);
}

function partOf(value: unknown, path: string): unknown {
  let part: unknown = value;
  for (const key of path.split('.').filter((key) => key !== '')) {
    if (typeof part !== 'object' || part === null) return undefined;
    part = Reflect.get(part, key);
  }
  return part;
}

function useColour(io: CliIo): boolean {
  return io.stdout.isTTY === true && !io.env['NO_COLOR'];
}

/** Indented names and values; empty parts are left out of sight. */
function readable(value: unknown, indent: string, colour: boolean): string {
  const paint = (style: 'cyan' | 'green' | 'yellow' | 'gray', text: string) =>
    colour ? styleText(style, text) : text;
  if (typeof value === 'string') return paint('green', value.replaceAll('\n', `\n${indent}`));
  if (typeof value !== 'object' || value === null) return paint('yellow', String(value));
  const entries = Object.entries(value);
  if (entries.length === 0) return paint('gray', Array.isArray(value) ? '[]' : '{}');
  return entries
    .map(([key, part]) => {
      const name = Array.isArray(value) ? paint('gray', '-') : `${paint('cyan', key)}:`;
      const nested = typeof part === 'object' && part !== null && Object.keys(part).length > 0;
      const text = readable(part, `${indent}  `, colour);
      return nested ? `${indent}${name}\n${text}` : `${indent}${name} ${text}`;
    })
    .join('\n');
}

import { toYaml } from '../base/yaml.ts';
import type { CliIo, OutStream, Paint } from './io.ts';
import { painter, UsageMistake, visible } from './io.ts';
import { compileTransform } from './transform.ts';

export type Format = 'auto' | 'json' | 'jsonl' | 'pretty' | 'yaml' | 'raw';
const formats: readonly Format[] = ['auto', 'json', 'jsonl', 'pretty', 'yaml', 'raw'];

export function formatOf(text: string | null, flag = 'format'): Format {
  const format = formats.find((known) => known === (text ?? 'auto'));
  if (!format) throw new UsageMistake(`--${flag}: must be one of ${formats.join(', ')}`);
  return format;
}

export type OutputOptions = {
  readonly stream: OutStream;
  readonly env: CliIo['env'];
  readonly format: Format;
  /** Path to the part to print, such as `agent.id` or `content.0.text`. */
  readonly transform: string | null;
  /** Strings without quotes, for a shell's variables. */
  readonly isRaw: boolean;
};

export type Output = (value: unknown, place: 'one' | 'item') => void;

/** Prints results: JSON on a pipe, readable on a terminal. `one` of a single answer, else of a sequence. */
export function createOutput({ stream, env, format, transform, isRaw }: OutputOptions): Output {
  const chosen = format === 'auto' && stream.isTTY ? 'pretty' : format;
  const paint = painter(stream, env);
  const query =
    transform === null || format === 'raw' ? (value: unknown) => value : compileTransform(transform);
  return (value, place) => {
    const part = query(value);
    if (part === undefined) return;
    const text = isRaw && typeof part === 'string' ? part : render(part, chosen, place, paint);
    stream.write(`${text}\n`);
  };
}

function render(value: unknown, format: Format, place: 'one' | 'item', paint: Paint): string {
  if (format === 'yaml') return toYaml(value).trimEnd();
  if (format === 'pretty') return readable(value, '', paint);
  if (format === 'jsonl' || (format !== 'json' && place === 'item')) return JSON.stringify(value);
  return JSON.stringify(value, null, 2);
}

/** Indented names and values. */
function readable(value: unknown, indent: string, paint: Paint): string {
  if (typeof value === 'string') return paint('green', visible(value).replaceAll('\n', `\n${indent}`));
  if (typeof value !== 'object' || value === null) return paint('yellow', String(value));
  const entries = Object.entries(value);
  if (entries.length === 0) return paint('gray', Array.isArray(value) ? '[]' : '{}');
  return entries
    .map(([key, part]) => {
      const name = Array.isArray(value) ? paint('gray', '-') : `${paint('cyan', key)}:`;
      const nested = typeof part === 'object' && part !== null && Object.keys(part).length > 0;
      const text = readable(part, `${indent}  `, paint);
      return nested ? `${indent}${name}\n${text}` : `${indent}${name} ${text}`;
    })
    .join('\n');
}

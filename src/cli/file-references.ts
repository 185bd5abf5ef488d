import { readFileSync } from 'node:fs';
import { UsageMistake } from './io.ts';

/**
 * Strings that begin with `@` name a file and stand for its content, anywhere in a body: `@path`,
 * `@file://path` (as text), `@data://path` (as base64). `\@` is a literal `@`; so is a name such as
 * `@someone` when there is no such file.
 */
export function embedFiles(value: unknown, name: string): unknown {
  if (typeof value === 'string') return embedded(value, name);
  if (Array.isArray(value)) return value.map((item) => embedFiles(item, name));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, embedFiles(item, name)]));
}

function embedded(text: string, name: string): string {
  if (text.startsWith('\\@')) return text.slice(1);
  if (!text.startsWith('@')) return text;
  const [, scheme = '', path = ''] = /^@(data:\/\/|file:\/\/)?(.*)$/s.exec(text) ?? [];
  const looksLikePath = scheme !== '' || /[./]/.test(path);
  const bytes = read(path, looksLikePath ? name : null);
  if (bytes === null) return text;
  if (scheme === 'data://' || (scheme === '' && !isText(bytes))) return bytes.toString('base64');
  return bytes.toString('utf8');
}

/** The bytes of a file; `name` says where it was asked for and makes a missing one a mistake. */
function read(path: string, name: string | null): Buffer | null {
  try {
    return readFileSync(path);
  } catch {
    if (name === null) return null;
    throw new UsageMistake(`${name}: cannot read the file "${path}" (write \\@ for text that begins with @)`);
  }
}

function isText(bytes: Buffer): boolean {
  try {
    return !new TextDecoder('utf-8', { fatal: true }).decode(bytes).includes('\0');
  } catch {
    return false;
  }
}

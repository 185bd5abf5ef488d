import fc from 'fast-check';
import { strangeWord } from './random-values.ts';
import type { Part } from './server-skills.ts';

/** Multipart forms written by hand, so that anything can be wrong with them. */

export type FormDamage = {
  readonly kind: (typeof damages)[number];
  readonly at: number;
  readonly word: string;
};
const damages = [
  'none',
  'cut',
  'no end',
  'other boundary',
  'no boundary',
  'no part',
  'part twice',
  'another part',
  'no name',
  'no headers',
  'other filename',
  'no filename',
  'line feeds',
  'preamble',
  'huge field',
  'broken bytes',
] as const;

export const formDamage: fc.Arbitrary<FormDamage> = fc.record({
  kind: fc.constantFrom(...damages),
  at: fc.nat(1000),
  word: strangeWord,
});

export type Form = { readonly body: Uint8Array; readonly contentType: string };

const boundary = '----ants';

export function formOf(good: readonly Part[], { kind, at, word }: FormDamage): Form {
  const [first = ['file', ''] as const, ...rest] = good;
  const [name, content, filename = 'a'] = first;
  const parts: Record<string, readonly Part[]> = {
    'no part': rest,
    'part twice': [first, ...good],
    'another part': [...good, at % 2 ? [word, 'x', word] : [word, 'x']],
    'other filename': [[name, content, word], ...rest],
    'no filename': [[name, content], ...rest],
    'huge field': [['display_title', 'x'.repeat(at * 200)], ...good],
    'broken bytes': [[name, Buffer.from([0xff, 0xfe, at % 256, 0x50, 0x4b, 3, 4]), filename], ...rest],
  };
  const written = Buffer.concat([...(parts[kind] ?? good).map((part) => bytesOf(part, kind)), ending(kind)]);
  return { body: damagedBytes(written, kind, at), contentType: contentTypeOf(kind) };
}

function bytesOf([name, content, filename]: Part, kind: FormDamage['kind']): Buffer {
  const file = filename === undefined ? '' : `; filename="${filename.replaceAll('"', '%22')}"`;
  const named = kind === 'no name' ? '' : `; name="${name.replaceAll('"', '%22')}"`;
  const headers = kind === 'no headers' ? '' : `Content-Disposition: form-data${named}${file}\r\n`;
  return Buffer.concat([
    Buffer.from(`--${boundary}\r\n${headers}\r\n`),
    Buffer.from(content),
    Buffer.from('\r\n'),
  ]);
}

function ending(kind: FormDamage['kind']): Buffer {
  return Buffer.from(kind === 'no end' ? '' : `--${boundary}--\r\n`);
}

function damagedBytes(bytes: Buffer, kind: FormDamage['kind'], at: number): Uint8Array {
  if (kind === 'cut') return bytes.subarray(0, Math.floor((bytes.length * at) / 1001));
  if (kind === 'line feeds') return Buffer.from(bytes.toString('latin1').replaceAll('\r\n', '\n'), 'latin1');
  return kind === 'preamble' ? Buffer.concat([Buffer.alloc(at, 'ants '), bytes]) : bytes;
}

function contentTypeOf(kind: FormDamage['kind']): string {
  if (kind === 'no boundary') return 'multipart/form-data';
  return `multipart/form-data; boundary=${kind === 'other boundary' ? 'bees' : boundary}`;
}

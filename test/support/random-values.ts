import fc from 'fast-check';

/** Values that no honest client sends, and changes that turn a good JSON value into a bad one. */

/** Short enough for a URL. */
export const strangeWord = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ maxLength: 20 }),
  fc.constantFrom(
    '',
    '\ud800',
    '\u0000',
    '\u202e',
    'null',
    '__proto__',
    '..',
    '../..',
    '../../../etc/passwd',
    '%00',
    '%2e%2e%2f',
    "'; --",
    '0',
    '-1',
    '1e9',
    '99999999999999999999',
    'idle',
    'desc',
    'latest',
  ),
);
const strangeText = fc.oneof(
  strangeWord,
  fc.integer({ min: 1, max: 300 }).map((length) => 'é'.repeat(length)),
  fc.integer({ min: 300, max: 3000 }).map((length) => 'é'.repeat(length)),
  fc.constantFrom(
    '2026-02-30T00:00:00Z',
    'file:///etc/passwd',
    'http://[::1',
    'scripted/none',
    '/a/../b',
    '/',
  ),
);
const huge = fc.integer({ min: 10_000, max: 300_000 }).map((length) => 'x'.repeat(length));
const nested = fc.integer({ min: 2, max: 400 }).map((depth) =>
  Array(depth)
    .fill(0)
    .reduce<unknown>((inner, _, at) => (at % 2 ? [inner] : { inner }), 1),
);
const strangeValue = fc.oneof(
  { weight: 16, arbitrary: strangeText },
  { weight: 4, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
  {
    weight: 8,
    arbitrary: fc.constantFrom<unknown>(
      ...[null, true, false, [], {}, -1, 0, 1, 1.5, 1e308, 2 ** 53, -(2 ** 31)],
      ...[[[]], [null], [{}], { type: null }, { '': '' }],
    ),
  },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom(
        'agent',
        'custom',
        'mcp_toolset',
        'limited',
        'file',
        'text',
        'image',
        'memory_store',
        'cron',
      )
      .map((type) => ({ type })),
  },
  { weight: 1, arbitrary: nested },
  { weight: 1, arbitrary: huge },
);

/** One change somewhere in a JSON value. */
export type Change = {
  readonly turns: readonly number[];
  readonly kind: 'replace' | 'add' | 'remove' | 'retype' | 'repeat';
  readonly name: string;
  readonly value: unknown;
};
const names = [
  'type',
  'name',
  'tools',
  'id',
  'content',
  '__proto__',
  'constructor',
  'toString',
  'metadata',
  'x',
];
export const change: fc.Arbitrary<Change> = fc.record({
  // Mostly all the way to a leaf.
  turns: fc.oneof(
    { weight: 4, arbitrary: fc.array(fc.nat(9), { minLength: 6, maxLength: 6 }) },
    { weight: 1, arbitrary: fc.array(fc.nat(9), { maxLength: 3 }) },
  ),
  kind: fc.constantFrom('replace', 'replace', 'add', 'remove', 'retype', 'repeat'),
  name: fc.oneof(fc.constantFrom(...names), strangeText),
  value: strangeValue,
});

export function changed(json: unknown, { turns: [turn, ...turns], ...how }: Change): unknown {
  if (typeof json !== 'object' || json === null) return how.kind === 'retype' ? retyped(json) : how.value;
  const isList = Array.isArray(json);
  const entries = Object.entries(json);
  const at = turn === undefined || entries.length === 0 ? -1 : turn % entries.length;
  if (at === -1) return changedHere(json, entries, how);
  const deeper = entries.map(([key, inner], index): [string, unknown] => [
    key,
    index === at ? changed(inner, { turns, ...how }) : inner,
  ]);
  return made(isList, deeper);
}

type Entries = readonly (readonly [string, unknown])[];

function changedHere(json: object, entries: Entries, { kind, name, value }: Omit<Change, 'turns'>): unknown {
  const isList = Array.isArray(json);
  switch (kind) {
    case 'replace':
      return value;
    case 'add':
      return made(isList, [...entries, [name, value]]);
    case 'remove':
      return made(isList, entries.slice(1));
    case 'retype':
      return retyped(json);
    case 'repeat':
      return made(isList, isList ? Array(30).fill(entries).flat() : entries);
  }
}

/** The same, as another kind of JSON value. */
function retyped(json: unknown): unknown {
  if (typeof json === 'string') return [json];
  if (typeof json === 'number' || typeof json === 'boolean') return String(json);
  return Array.isArray(json) ? { ...json } : [json];
}

function made(isList: boolean, entries: Entries): unknown {
  return isList ? entries.map(([, value]) => value) : Object.fromEntries(entries);
}

/** What can be wrong with a text of JSON as bytes. */
export type Damage = { readonly kind: (typeof damages)[number]; readonly at: number };
const damages = [
  'cut',
  'twice',
  'latin1',
  'byte-order-mark',
  'tail',
  'deep',
  'number',
  'empty',
  'flip',
] as const;
export const damage: fc.Arbitrary<Damage> = fc.record({ kind: fc.constantFrom(...damages), at: fc.nat(400) });

export function damaged(text: string, { kind, at }: Damage): Uint8Array {
  switch (kind) {
    case 'cut':
      return Buffer.from(text).subarray(0, at);
    case 'twice':
      return Buffer.from(text.replace('{', '{"name":1,"name":2,"metadata":{},'));
    case 'latin1':
      return Buffer.from(text.replaceAll('"t"', '"\xe9"').replaceAll('"d"', '"\xff"'), 'latin1');
    case 'byte-order-mark':
      return Buffer.from(`\ufeff${text}`);
    case 'tail':
      return Buffer.from(`${text}}`);
    case 'deep':
      return Buffer.from(text.replace(/:"[^"]*"/, `:${'['.repeat(at * 50)}${']'.repeat(at * 50)}`));
    case 'number':
      return Buffer.from(text.replace(/:"[^"]*"/, ':1e999'));
    case 'empty':
      return Buffer.from(' '.repeat(at % 3));
    case 'flip': {
      const bytes = Buffer.from(text);
      if (bytes.length > 0) bytes[at % bytes.length] = at % 256;
      return bytes;
    }
  }
}

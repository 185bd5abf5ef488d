import type { Amount, Header, Position } from './counts.ts';
import { createCounts, openingBracket } from './counts.ts';
import type { End, Head, Tally } from './format.ts';
import { archiveFormat } from './format.ts';
import { BadArchive, cutOff, damaged, unpackLines } from './lines.ts';
import type { Row } from './rows.ts';

/** A line of an archive, read. Rows belong to the table before them, pieces to the content or workspace. */
export type Item =
  | Header
  | { readonly type: 'row'; readonly table: TableHeader; readonly row: Row; readonly characters: number }
  | { readonly type: 'piece'; readonly bytes: Uint8Array };
export type TableHeader = Extract<Header, { type: 'table' }>;
type Of<Type extends Item['type']> = Extract<Item, { type: Type }>;

/** An archive from its first line to its last, read once. Every call rejects with `BadArchive` when it is not what was written. */
export type Archive = {
  readonly head: Head;
  readonly firstLine: string;
  /** The next line, if it is of one of these types. */
  next<Type extends Item['type']>(...types: Type[]): Promise<Of<Type> | null>;
  /** Of all that was taken. */
  position(): Position;
  amount(): Amount;
  /** Passes over what lies before a position: false when it is another archive, in which something else does. */
  skipTo(position: Position): Promise<boolean>;
  /** Passes over all that is left, and says what there should have been: it was. Told again and again how much has passed. */
  toEnd(told?: (amount: Amount) => void): Promise<Tally>;
  /** Why there are no more lines; null: reading them has not failed. */
  failure(): unknown;
};

/** Reads the beginning of an archive. Rejects with `BadArchive`. */
export async function readArchive(content: AsyncIterable<Uint8Array>): Promise<Archive> {
  const lines = unpackLines(content);
  const first = await lines.next();
  if (first.done) throw cutOff();
  const head = headOf(first.value);
  const counts = createCounts();
  counts.pass(first.value, null);
  let ahead: Line | null = null;
  let end: Tally | null = null;
  let failure: unknown = null;

  /** The next line, which stays the next until it is taken; null: there are no more. */
  async function look(): Promise<Line | null> {
    if (ahead !== null || end !== null) return ahead;
    try {
      const { done, value } = await lines.next();
      if (done) throw cutOff();
      const line = lineOf(value);
      if (line.type === 'end') end = await atEnd(line.end);
      else ahead = line;
      return ahead;
    } catch (cause) {
      failure = cause;
      throw cause;
    }
  }

  async function atEnd(said: End): Promise<Tally> {
    if (said.sha256 !== counts.position().sha256)
      throw damaged('its content does not have the hash that its end says');
    counts.require(said.end);
    if (!(await lines.next()).done) throw damaged('something follows its end');
    return said.end;
  }

  function take({ bytes, header }: Line): void {
    counts.pass(bytes, header ?? 'part');
    ahead = null;
  }

  return {
    head,
    firstLine: first.value.toString(),
    async next<Type extends Item['type']>(...types: Type[]) {
      const line = await look();
      if (line === null || !types.some((type) => type === line.type)) return null;
      take(line);
      return (line.header ?? partOf(line.bytes, counts.section())) as Of<Type>;
    },
    position: counts.position,
    amount: counts.amount,
    async skipTo(position) {
      for (let passed = counts.position().lines; passed < position.lines; passed++) {
        const line = await look();
        if (line === null) return false;
        take(line);
      }
      return counts.position().sha256 === position.sha256;
    },
    async toEnd(told = () => {}) {
      for (let line = await look(); line !== null; line = await look()) {
        take(line);
        told(counts.amount());
      }
      if (end === null) throw cutOff();
      return end;
    },
    failure: () => failure,
  };
}

type Line = {
  readonly bytes: Buffer;
  readonly type: Item['type'];
  /** null: it is a part of the section that it is in. */
  readonly header: Header | null;
};

/** Parts are most of an archive: they are parsed when somebody wants them. */
function lineOf(bytes: Buffer): Line | { readonly type: 'end'; readonly end: End } {
  if (bytes[0] === openingBracket) return { bytes, type: 'row', header: null };
  if (bytes[0] === quote) return { bytes, type: 'piece', header: null };
  const value = record(parsed(bytes)) ?? {};
  if (value['end'] !== undefined) return { type: 'end', end: value as End };
  const header = headerOf(value);
  return { bytes, type: header.type, header };
}

const quote = '"'.charCodeAt(0);

function headerOf(value: Readonly<Record<string, unknown>>): Header {
  const { table, columns, content, workspace: sessionId, generation, created_at_us: createdAtUs } = value;
  if (typeof table === 'string' && Array.isArray(columns)) return { type: 'table', name: table, columns };
  if (typeof content === 'string') return { type: 'content', sha256: content };
  if (typeof sessionId === 'string' && typeof generation === 'number' && typeof createdAtUs === 'number')
    return { type: 'workspace', sessionId, generation, createdAtUs };
  throw damaged('it has a line of no known kind');
}

/** Whoever passed the line has seen that it belongs there. */
function partOf(line: Buffer, section: Header | null): Item {
  if (line[0] === quote)
    return { type: 'piece', bytes: Buffer.from(line.toString('latin1', 1, line.length - 1), 'base64') };
  return {
    type: 'row',
    table: section as TableHeader,
    row: parsed(line) as Row,
    characters: line.length,
  };
}

function headOf(line: Buffer): Head {
  const value = record(tryParsed(line));
  if (value?.['archive'] !== 'anthill') throw new BadArchive('this is not an archive of `anthill export`');
  if (value['format'] !== archiveFormat)
    throw new BadArchive(
      `the archive has format ${String(value['format'])}, and this Anthill reads format ${archiveFormat}; use the version that wrote it, ${String(value['version'])}`,
    );
  // Only `exportArchive` writes this format.
  return value as Head;
}

function parsed(line: Buffer): unknown {
  const value = tryParsed(line);
  if (value === undefined) throw damaged('it has a line that is no JSON');
  return value;
}

function tryParsed(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString());
  } catch {
    return undefined;
  }
}

function record(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : null;
}

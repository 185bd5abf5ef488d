import { createHash } from 'node:crypto';
import type { End, Head, Tally, WorkspaceLine } from './format.ts';
import { archiveFormat } from './format.ts';
import { BadArchive, cutOff, damaged, unpackLines } from './lines.ts';
import type { Row } from './rows.ts';

/** A line of an archive, read. Pieces belong to the content or workspace before them. */
export type Item =
  | { readonly type: 'table'; readonly name: string; readonly columns: readonly string[] }
  | { readonly type: 'row'; readonly row: Row; readonly line: string }
  | { readonly type: 'content'; readonly sha256: string }
  | { readonly type: 'workspace'; readonly workspace: WorkspaceLine }
  | { readonly type: 'piece'; readonly bytes: Uint8Array };

export type Archive = {
  readonly head: Head;
  /** To be read once. Rejects with `BadArchive` at the latest at its end, when it is not what was written. */
  readonly items: AsyncIterable<Item>;
  /** Once the items have been read: what there should have been. */
  tally(): Tally;
};

/** Reads the beginning of an archive. Rejects with `BadArchive`. */
export async function readArchive(content: AsyncIterable<Uint8Array>): Promise<Archive> {
  const lines = unpackLines(content);
  const first = await lines.next();
  if (first.done) throw cutOff();
  const head = headOf(first.value);
  const hash = createHash('sha256').update(first.value).update('\n');
  let found: Tally | null = null;

  async function* items(): AsyncGenerator<Item> {
    for await (const line of lines) {
      if (found !== null) throw damaged('something follows its end');
      const value = parsed(line);
      const end = endOf(value);
      if (end === null) {
        hash.update(line).update('\n');
        yield itemOf(value, line);
      } else if (end.sha256 === hash.digest('hex')) found = end.end;
      else throw damaged('its content does not have the hash that its end says');
    }
    if (found === null) throw cutOff();
  }

  return {
    head,
    items: items(),
    tally() {
      if (found === null) throw cutOff();
      return found;
    },
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

function endOf(value: unknown): End | null {
  return record(value)?.['end'] === undefined ? null : (value as End);
}

function itemOf(value: unknown, line: Buffer): Item {
  if (Array.isArray(value)) return { type: 'row', row: value, line: `${line.toString()}\n` };
  if (typeof value === 'string') return { type: 'piece', bytes: Buffer.from(value, 'base64') };
  const item = record(value) ?? {};
  const { table, columns, content, workspace } = item;
  if (typeof table === 'string' && Array.isArray(columns)) return { type: 'table', name: table, columns };
  if (typeof content === 'string') return { type: 'content', sha256: content };
  if (typeof workspace === 'string') return { type: 'workspace', workspace: item as WorkspaceLine };
  throw damaged('it has a line of no known kind');
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

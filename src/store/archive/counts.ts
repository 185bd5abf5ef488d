import { createHash } from 'node:crypto';
import type { Tally } from './format.ts';
import { damaged } from './lines.ts';

/** How much of an archive. Bytes are those of its lines, before they are compressed. */
export type Amount = { readonly rows: number; readonly contents: number; readonly bytes: number };

/** So many lines of an archive, its first one included, and the hash of all of them. */
export type Position = { readonly lines: number; readonly sha256: string };

/** What a line begins, if it begins a section. */
export type Header =
  | { readonly type: 'table'; readonly name: string; readonly columns: readonly string[] }
  | { readonly type: 'content'; readonly sha256: string }
  | {
      readonly type: 'workspace';
      readonly sessionId: string;
      readonly generation: number;
      readonly createdAtUs: number;
    };

/** Counts the lines of an archive as they pass, whether anybody looks into them or not. */
export function createCounts() {
  const hash = createHash('sha256');
  const tables = new Map<string, number>();
  const pieces = { content: { count: 0, bytes: 0 }, workspace: { count: 0, bytes: 0 } };
  let section: Header | null = null;
  let [lines, rows, bytes] = [0, 0, 0];

  function begin(header: Header): void {
    section = header;
    if (header.type !== 'table') pieces[header.type].count += 1;
    else if (tables.has(header.name)) throw damaged(`it has the table ${header.name} twice`);
    else tables.set(header.name, 0);
  }

  function countPart(line: Buffer): void {
    const isRow = line[0] === openingBracket;
    if (section === null || isRow !== (section.type === 'table'))
      throw damaged('it has a part that belongs to nothing');
    if (section.type !== 'table') {
      pieces[section.type].bytes += decodedBytes(line);
      return;
    }
    rows += 1;
    tables.set(section.name, (tables.get(section.name) ?? 0) + 1);
  }

  return {
    /** `null`: of the first line. */
    pass(line: Buffer, kind: Header | 'part' | null): void {
      hash.update(line).update('\n');
      lines += 1;
      bytes += line.length + 1;
      if (kind === 'part') countPart(line);
      else if (kind !== null) begin(kind);
    },
    section: () => section,
    position: (): Position => ({ lines, sha256: hash.copy().digest('hex') }),
    amount: (): Amount => ({ rows, contents: pieces.content.count + pieces.workspace.count, bytes }),
    /** Throws `BadArchive` when these are not the numbers that the end of the archive says. */
    require(tally: Tally): void {
      for (const name of new Set([...tables.keys(), ...Object.keys(tally.tables)]))
        if (tables.get(name) !== tally.tables[name]?.rows)
          throw damaged(`it does not have as many rows of ${name} as its end says`);
      for (const [what, { count, bytes }] of [
        ['contents', pieces.content],
        ['workspaces', pieces.workspace],
      ] as const)
        if (count !== tally[what].count || bytes !== tally[what].bytes)
          throw damaged(`it does not have as many ${what} as its end says`);
    },
  };
}

export const openingBracket = '['.charCodeAt(0);
const padding = '='.charCodeAt(0);

/** Of a string of base64 in its quotes. */
function decodedBytes(line: Buffer): number {
  const padded = [line.at(-2), line.at(-3)].filter((byte) => byte === padding).length;
  return ((line.length - 2) / 4) * 3 - padded;
}

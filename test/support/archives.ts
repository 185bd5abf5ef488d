import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { Client } from 'pg';

/** Of `anthill export`, as they are. */
export function linesOf(path: string): string[] {
  return zstdDecompressSync(readFileSync(path)).toString().trimEnd().split('\n');
}

/** All but the first line, which says when it was written, the last, with its hash, and packed sandboxes. */
export function storedLinesOf(path: string): string[] {
  const lines = linesOf(path);
  const end = lines.findIndex((line) => line.startsWith('{"workspace"'));
  return lines.slice(1, end === -1 ? -1 : end);
}

/** An archive that differs from another in its rows, and is whole nevertheless. */
export function changeArchive(from: string, to: string, change: (row: string) => string): void {
  const lines = linesOf(from);
  const { end } = JSON.parse(lines.pop() ?? '');
  let table = '';
  const rows = new Map<string, ReturnType<typeof createHash>>();
  const changed = lines.map((line) => {
    if (line.startsWith('{')) table = JSON.parse(line).table ?? '';
    if (!line.startsWith('[')) return line;
    const row = change(line);
    rows.set(table, (rows.get(table) ?? createHash('sha256')).update(`${row}\n`));
    return row;
  });
  for (const [name, hash] of rows) end.tables[name].sha256 = hash.digest('hex');
  const text = `${changed.join('\n')}\n`;
  assert.notEqual(changed.join(), lines.join(), 'nothing was changed');
  const last = JSON.stringify({ end, sha256: createHash('sha256').update(text).digest('hex') });
  writeFileSync(to, zstdCompressSync(`${text}${last}\n`));
}

export async function rowsOf(
  url: string,
  query: string,
): Promise<readonly Readonly<Record<string, string>>[]> {
  const client = new Client(url);
  await client.connect();
  return await client
    .query(query)
    .then(({ rows }) => rows)
    .finally(() => client.end());
}

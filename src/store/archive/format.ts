import type { Hash } from 'node:crypto';
import { createHash } from 'node:crypto';

/**
 * An archive is a stream of lines of JSON, compressed with zstd:
 *
 *     {"archive":"anthill","format":1,"schema":18,…}      what it is, see `Head`
 *     {"table":"agents","columns":["id",…]}               every table, each followed by its rows in the order of
 *     ["agent_01…",…]                                     their keys; bodies of events are whole, however large
 *     {"content":"<sha256>"}                              content of files, skills, …, in the order of its SHA-256,
 *     "<base64>"                                          in pieces
 *     {"workspace":"sesn_01…","generation":2,…}           files of a session's sandbox, a tar compressed with zstd,
 *     "<base64>"                                          in pieces
 *     {"end":{"tables":{"agents":{"rows":1,"sha256":…}},…},"sha256":…}
 *
 * The SHA-256 of a table is that of its rows, line feeds included; the last one that of all lines before it.
 */
export type Head = {
  readonly archive: 'anthill';
  readonly format: typeof archiveFormat;
  /** Of the tables. */
  readonly schema: number;
  /** Of the Anthill that wrote it. */
  readonly version: string;
  readonly created_at: string;
  /** How many rows hold secrets; they are sealed with the key of the check. */
  readonly sealed_rows: number;
  readonly master_key_check: string | null;
};

/** What an archive has, counted. */
export type Tally = {
  readonly tables: Readonly<Record<string, { readonly rows: number; readonly sha256: string }>>;
  readonly contents: { readonly count: number; readonly bytes: number };
  readonly workspaces: { readonly count: number; readonly bytes: number };
};

export type End = { readonly end: Tally; readonly sha256: string };

export const archiveFormat = 1;

export function lineOf(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

export type Count = { rows: number; readonly hash: Hash };

export function newCount(): Count {
  return { rows: 0, hash: createHash('sha256') };
}

export function countRow(count: Count, line: string): void {
  count.rows += 1;
  count.hash.update(line);
}

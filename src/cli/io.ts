import type { Readable, Writable } from 'node:stream';

/** The process as the command line sees it. */
export type CliIo = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable & { readonly isTTY?: boolean; readonly fd?: number };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
};

/** A mistake in what was typed: one sentence, exit 2. */
export class UsageMistake extends Error {}

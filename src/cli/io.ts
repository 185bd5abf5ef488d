import type { Readable, Writable } from 'node:stream';
import { styleText } from 'node:util';

export type OutStream = Writable & { readonly isTTY?: boolean };

/** The process as the command line sees it. */
export type CliIo = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable & { readonly isTTY?: boolean; readonly fd?: number };
  readonly stdout: OutStream;
  readonly stderr: OutStream;
};

/** A mistake in what was typed: one sentence, exit 1. */
export class UsageMistake extends Error {}

export type Paint = (style: 'red' | 'cyan' | 'green' | 'yellow' | 'gray' | 'dim', text: string) => string;

/** Colours for one of the two outputs: on a terminal, unless `NO_COLOR` is set. */
export function painter(stream: OutStream, env: CliIo['env']): Paint {
  const isColoured = stream.isTTY === true && !env['NO_COLOR'];
  // Decided here for the stream that is written to; Node would look at standard output.
  return (style, text) => (isColoured ? styleText(style, text, { validateStream: false }) : text);
}

/** Text for a terminal, without the control characters that would let its author speak to the terminal. */
export function visible(text: string): string {
  return text.replace(/\p{Cc}/gu, (control) => (control === '\n' || control === '\t' ? control : ''));
}

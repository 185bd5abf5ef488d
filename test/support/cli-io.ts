import { Readable, Writable } from 'node:stream';
import { runCli } from '../../src/cli/cli.ts';
import type { CliIo } from '../../src/cli/io.ts';

type Capture = Writable & { isTTY?: boolean; text: string };

/** A standard output that remembers. */
export function capture(isTTY = false): Capture {
  const stream: Capture = Object.assign(
    new Writable({
      write(chunk, _, done) {
        stream.text += String(chunk);
        done();
      },
    }),
    { isTTY, text: '' },
  );
  return stream;
}

export type IoOptions = {
  readonly env?: CliIo['env'];
  readonly stdin?: CliIo['stdin'];
  readonly isTTY?: boolean;
};

/** A process's surroundings without a process. */
export function createIo({ env = {}, stdin = Readable.from([]), isTTY = false }: IoOptions = {}) {
  return { env, stdin, stdout: capture(isTTY), stderr: capture(isTTY) };
}

/** One command in this process. */
export async function runInProcess(argv: readonly string[], options: IoOptions = {}) {
  const io = createIo(options);
  const code = await runCli(argv, io, '1.2.3');
  return { code, stdout: io.stdout.text, stderr: io.stderr.text };
}

import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { CliIo } from './io.ts';
import { UsageMistake } from './io.ts';

/** Writes a file that is downloaded to standard output, or to `path`: all of it or, when it fails, nothing. */
export async function saveDownload(
  content: AsyncIterable<Uint8Array>,
  path: string | null,
  io: CliIo,
): Promise<void> {
  if (path === null || path === '-') return await copy(content, io.stdout);
  const file = createWriteStream(path);
  try {
    await opened(file, path);
    await copy(content, file);
    await new Promise<void>((resolve, reject) => {
      file.once('error', reject);
      file.end(resolve);
    });
  } catch (cause) {
    file.destroy();
    if (!(cause instanceof UsageMistake)) await rm(path, { force: true });
    throw cause;
  }
}

async function opened(file: NodeJS.WritableStream, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    file.once('open', () => resolve());
    file.once('error', ({ message }: Error) =>
      reject(new UsageMistake(`--output: cannot write "${path}": ${message}`)),
    );
  });
}

/** No faster than it can be written. */
async function copy(content: AsyncIterable<Uint8Array>, target: NodeJS.WritableStream): Promise<void> {
  for await (const chunk of content) {
    await new Promise<void>((resolve, reject) => {
      target.write(chunk, (cause) => (cause ? reject(cause) : resolve()));
    });
  }
}

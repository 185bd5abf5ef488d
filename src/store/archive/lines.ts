import type { Duplex } from 'node:stream';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib';
import { archiveLineBytesMax, archiveWriteCharacters } from '../../domain/limits.ts';

/** An archive that is not whole, or none at all: said in one sentence. */
export class BadArchive extends Error {}

/** Lines, each with its line feed, as a compressed stream whose damage is noticed. */
export async function* packLines(lines: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  const params = { [constants.ZSTD_c_checksumFlag]: 1 };
  yield* through(gathered(lines), createZstdCompress({ params }));
}

/** What comes out of a transform; what goes wrong before it or in it is thrown here. */
async function* through(content: AsyncIterable<Uint8Array>, transform: Duplex): AsyncGenerator<Buffer> {
  const ended = pipeline(Readable.from(content), transform);
  ended.catch(() => undefined);
  yield* transform;
  await ended;
}

/** Fewer and larger pieces: each costs a round through the streams. */
async function* gathered(lines: AsyncIterable<string>): AsyncGenerator<Buffer> {
  let text = '';
  for await (const line of lines) {
    text += line;
    if (text.length < archiveWriteCharacters) continue;
    yield Buffer.from(text);
    text = '';
  }
  if (text !== '') yield Buffer.from(text);
}

/** Lines of a compressed stream, without their line feeds. Rejects with `BadArchive`. */
export async function* unpackLines(content: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  for await (const chunk of unpacked(content)) {
    let from = 0;
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
      const part = chunk.subarray(from, at);
      yield held.length === 0 ? part : Buffer.concat([...held, part]);
      held = [];
      heldBytes = 0;
      from = at + 1;
    }
    if (from < chunk.length) held.push(chunk.subarray(from));
    heldBytes += chunk.length - from;
    if (heldBytes > archiveLineBytesMax) throw damaged('it has a line that is too long');
  }
  if (heldBytes > 0) throw cutOff();
}

async function* unpacked(content: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  // What is wrong with the content itself, such as a disk that cannot be read, is no fault of the archive.
  let failure: unknown = null;
  async function* watched() {
    const iterator = content[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await iterator.next().catch((cause: unknown) => {
          failure = cause;
          throw cause;
        });
        if (next.done) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }
  try {
    yield* through(watched(), createZstdDecompress());
  } catch (cause) {
    if (failure !== null) throw failure;
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'Z_BUF_ERROR' || code === 'ERR_STREAM_PREMATURE_CLOSE') throw cutOff(cause);
    throw damaged('its compression is broken', cause);
  }
}

export function cutOff(cause?: unknown): BadArchive {
  return new BadArchive('the archive is cut off: its end is missing', { cause });
}

export function damaged(how: string, cause?: unknown): BadArchive {
  return new BadArchive(`the archive is damaged: ${how}`, { cause });
}

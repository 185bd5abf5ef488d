import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Every way to write a text down in which it could lie somewhere unnoticed. */
export function spellings(secret: string): readonly Buffer[] {
  const hex = Buffer.from(secret).toString('hex');
  const texts = [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    hex,
    hex.toUpperCase(),
  ];
  return [...new Set([...texts, ...base64(secret)])].map((text) => Buffer.from(text));
}

/** Within a longer text that was encoded as a whole: what does not depend on its neighbours, for each way to be aligned. */
function base64(secret: string): string[] {
  return ['base64', 'base64url'].flatMap((encoding) =>
    [0, 1, 2].map((before) => {
      const bytes = Buffer.from(`${' '.repeat(before)}${secret}`);
      const start = Math.ceil((before * 8) / 6);
      const whole = Math.floor((bytes.length * 8) / 6);
      return bytes.toString(encoding as 'base64').slice(start, whole);
    }),
  );
}

export function holds(text: string | Uint8Array, secrets: readonly string[]): boolean {
  const bytes = Buffer.from(text);
  return secrets.some((secret) => spellings(secret).some((spelling) => bytes.includes(spelling)));
}

/** The files of a directory that hold one of them, in any spelling. */
export function filesHolding(directory: string, secrets: readonly string[]): string[] {
  return globSync('**/*', { cwd: directory })
    .filter((file) => holds(contentOf(join(directory, file)), secrets))
    .sort();
}

/** Nothing, of what is no file, or was gone when it was looked at. */
function contentOf(path: string): Uint8Array {
  try {
    return statSync(path).isFile() ? readFileSync(path) : Buffer.alloc(0);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return Buffer.alloc(0);
    throw cause;
  }
}

/** A fetch that keeps what is answered: bodies and headers, and every event of a stream as far as it is read. */
export function keepingFetch(kept: string[]): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, init);
    kept.push(JSON.stringify([...response.headers]));
    if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
      kept.push(await response.clone().text());
      return response;
    }
    const pieces = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        kept.push(Buffer.from(chunk).toString());
        controller.enqueue(chunk);
      },
    });
    return new Response(response.body?.pipeThrough(pieces), response);
  };
}

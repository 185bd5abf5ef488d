import { Transform } from 'node:stream';

/** One text that becomes another; both of at least one byte. */
export type Replacement = { readonly from: Buffer; readonly to: Buffer };

/**
 * Replaces texts in a stream, however it is cut into chunks. Only what may be the beginning of a text waits for the
 * next chunk: an event stream is not held up.
 */
export function createReplacer(replacements: readonly Replacement[]): Transform {
  let kept: Buffer = Buffer.alloc(0);
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const bytes = kept.length === 0 ? chunk : Buffer.concat([kept, chunk]);
      const { parts, end } = replaced(bytes, replacements);
      const rest = bytes.subarray(end);
      const waiting = Math.max(0, ...replacements.map(({ from }) => begunAtEnd(rest, from)));
      for (const part of parts) this.push(part);
      if (waiting < rest.length) this.push(rest.subarray(0, rest.length - waiting));
      kept = rest.subarray(rest.length - waiting);
      done();
    },
    flush(done) {
      if (kept.length > 0) this.push(kept);
      done();
    },
  });
}

/** How many of the last bytes are the first of a text that goes on. */
function begunAtEnd(bytes: Buffer, text: Buffer): number {
  for (let length = Math.min(text.length - 1, bytes.length); length > 0; length--) {
    const at = bytes.length - length;
    if (bytes[at] === text[0] && bytes.compare(text, 0, length, at) === 0) return length;
  }
  return 0;
}

/** All of it at once. */
export function replaceAll(bytes: Buffer, replacements: readonly Replacement[]): Buffer {
  const { parts, end } = replaced(bytes, replacements);
  return parts.length === 0 ? bytes : Buffer.concat([...parts, bytes.subarray(end)]);
}

export function replaceText(text: string, replacements: readonly Replacement[]): string {
  // Header values are bytes, which Node writes down as Latin-1.
  return replaceAll(Buffer.from(text, 'latin1'), replacements).toString('latin1');
}

/** Everything up to the end of the last text that was found. */
function replaced(bytes: Buffer, replacements: readonly Replacement[]): { parts: Buffer[]; end: number } {
  const parts: Buffer[] = [];
  const next = replacements.map(({ from }) => bytes.indexOf(from));
  for (let at = 0; ; ) {
    let best = -1;
    for (const [index, found] of next.entries()) {
      const position =
        found !== -1 && found < at ? bytes.indexOf(replacements[index]?.from ?? '', at) : found;
      next[index] = position;
      if (position !== -1 && (best === -1 || position < (next[best] ?? 0))) best = index;
    }
    const replacement = replacements[best];
    const position = next[best];
    if (!replacement || position === undefined) return { parts, end: at };
    parts.push(bytes.subarray(at, position), replacement.to);
    at = position + replacement.from.length;
  }
}

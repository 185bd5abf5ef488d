import { grepLineCharactersMax } from '../../domain/limits.ts';
import { decode } from './outcome.ts';

/** No character has more bytes in UTF-8. */
const lineBytesMax = grepLineCharactersMax * 4;

/**
 * Cuts a stream of bytes into lines as it comes. Lines that are too long to be of use (minified code) are
 * left out without ever being held.
 */
export function readLines(separator: number, onLine: (line: string) => void): (bytes: Uint8Array) => void {
  let begun: Buffer = Buffer.alloc(0);
  let isTooLong = false;
  return (bytes) => {
    for (let at = 0; ; ) {
      const end = bytes.indexOf(separator, at);
      const piece = bytes.subarray(at, end === -1 ? bytes.length : end);
      isTooLong ||= begun.length + piece.length > lineBytesMax;
      begun = isTooLong ? Buffer.alloc(0) : Buffer.concat([begun, piece]);
      if (end === -1) return;
      const line = decode(begun);
      if (!isTooLong && line.length <= grepLineCharactersMax) onLine(line);
      begun = Buffer.alloc(0);
      isTooLong = false;
      at = end + 1;
    }
  };
}

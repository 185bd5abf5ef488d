import type { Duplex } from 'node:stream';
import type { FirstBytes } from './client-hello.ts';
import { classify } from './client-hello.ts';

/** The next bytes of a connection that nobody reads yet; null: there are none, or none until the signal aborts. */
export function nextBytes(connection: Duplex, signal: AbortSignal): Promise<Buffer | null> {
  return new Promise((resolve) => {
    const settle = (bytes: Buffer | null) => {
      connection.off('readable', look);
      connection.off('end', none);
      connection.off('close', none);
      signal.removeEventListener('abort', none);
      resolve(bytes);
    };
    const none = () => settle(null);
    const look = () => {
      const bytes: Buffer | null = connection.read();
      if (bytes !== null) settle(bytes);
      else if (connection.readableEnded) none();
    };
    if (signal.aborted || connection.destroyed || connection.readableEnded) return resolve(null);
    connection.on('readable', look);
    connection.once('end', none);
    connection.once('close', none);
    signal.addEventListener('abort', none, { once: true });
    look();
  });
}

/** A line of at most `bytesMax`, without its end; what comes behind it stays to be read. */
export async function readLine(
  connection: Duplex,
  bytesMax: number,
  signal: AbortSignal,
): Promise<string | null> {
  let line = Buffer.alloc(0);
  while (line.length <= bytesMax) {
    const bytes = await nextBytes(connection, signal);
    if (bytes === null) return null;
    line = Buffer.concat([line, bytes]);
    const end = line.indexOf(10);
    if (end === -1) continue;
    if (end + 1 < line.length) connection.unshift(line.subarray(end + 1));
    return line.subarray(0, end).toString('latin1');
  }
  return null;
}

/**
 * What a client begins with, put back to be read again; `null`: it says nothing, or does not begin until the signal
 * aborts. One that has begun is waited for.
 */
export async function peek(
  connection: Duplex,
  signal: AbortSignal,
): Promise<Exclude<FirstBytes, { type: 'incomplete' }> | null> {
  const { signal: never } = new AbortController();
  let seen = Buffer.alloc(0);
  for (;;) {
    const bytes = await nextBytes(connection, seen.length === 0 ? signal : never);
    if (bytes === null) {
      if (seen.length > 0) connection.unshift(seen);
      return seen.length === 0 ? null : { type: 'other' };
    }
    seen = Buffer.concat([seen, bytes]);
    const kind = classify(seen);
    if (kind.type === 'incomplete') continue;
    connection.unshift(seen);
    return kind;
  }
}

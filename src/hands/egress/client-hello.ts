/**
 * The first bytes that a client sends, looked at without answering: is it TLS, and for which name (RFC 8446, 4.1.2;
 * RFC 6066, 3)? The bytes come from inside a sandbox: every length is checked.
 */

export type FirstBytes =
  | { readonly type: 'tls'; readonly serverName: string | null }
  | { readonly type: 'http' }
  | { readonly type: 'other' }
  | { readonly type: 'incomplete' };

/** No hello is longer: what goes on beyond counts as something else. */
export const helloBytesMax = 32 * 1024;

const handshake = 22;
const clientHello = 1;
const recordHeaderBytes = 5;

export function classify(bytes: Buffer): FirstBytes {
  if (bytes[0] !== handshake) return classifyText(bytes);
  if (bytes.length > 1 && bytes[1] !== 3) return { type: 'other' };
  const message = handshakeMessage(bytes);
  if (message === 'other') return { type: 'other' };
  if (message === null) return bytes.length < helloBytesMax ? { type: 'incomplete' } : { type: 'other' };
  return { type: 'tls', serverName: serverNameIn(message) };
}

const requestLine = /^[A-Z]{3,10} [^\r\n]/;

function classifyText(bytes: Buffer): FirstBytes {
  const text = bytes.subarray(0, 16).toString('latin1');
  if (requestLine.test(text)) return { type: 'http' };
  return /^[A-Z]{0,10} ?$/.test(text) ? { type: 'incomplete' } : { type: 'other' };
}

/** The body of the hello, put together from its records; null: not all of it is there. */
function handshakeMessage(bytes: Buffer): Buffer | 'other' | null {
  const parts: Buffer[] = [];
  for (let at = 0; at + recordHeaderBytes <= bytes.length; ) {
    if (bytes[at] !== handshake) return 'other';
    const end = at + recordHeaderBytes + bytes.readUInt16BE(at + 3);
    parts.push(bytes.subarray(at + recordHeaderBytes, Math.min(end, bytes.length)));
    const soFar = Buffer.concat(parts);
    if (soFar.length >= 4) {
      if (soFar[0] !== clientHello) return 'other';
      const length = soFar.readUIntBE(1, 3);
      if (length > helloBytesMax) return 'other';
      if (soFar.length >= 4 + length) return soFar.subarray(4, 4 + length);
    }
    at = end;
  }
  return null;
}

/** Version and random, session id, cipher suites, compression methods, extensions. */
function serverNameIn(hello: Buffer): string | null {
  const reader = readerOf(hello);
  reader.skip(34);
  reader.skip(reader.number(1));
  reader.skip(reader.number(2));
  reader.skip(reader.number(1));
  const extensions = readerOf(reader.take(reader.number(2)));
  while (extensions.left() >= 4) {
    const type = extensions.number(2);
    const body = extensions.take(extensions.number(2));
    if (type === 0) return hostNameIn(body);
  }
  return null;
}

function hostNameIn(extension: Buffer): string | null {
  const outer = readerOf(extension);
  const names = readerOf(outer.take(outer.number(2)));
  while (names.left() >= 3) {
    const type = names.number(1);
    const name = names.take(names.number(2));
    if (type === 0) return name.toString('latin1');
  }
  return null;
}

/** Beyond the end there is nothing: zero, and no bytes. */
function readerOf(bytes: Buffer) {
  let at = 0;
  return {
    left: () => bytes.length - at,
    skip(count: number) {
      at = Math.min(bytes.length, at + count);
    },
    number(size: number) {
      const value = at + size <= bytes.length ? bytes.readUIntBE(at, size) : 0;
      at = Math.min(bytes.length, at + size);
      return value;
    },
    take(count: number) {
      const part = bytes.subarray(at, at + count);
      at = Math.min(bytes.length, at + count);
      return part;
    },
  };
}

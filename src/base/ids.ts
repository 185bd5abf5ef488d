import { randomFillSync } from 'node:crypto';
import { systemClock } from './clock.ts';

/**
 * Opaque ids of the form `<prefix>_01…`: `01`, then 22 base58 characters. The first eight encode the
 * time in milliseconds so that ids made later sort later within one process lifetime (index locality),
 * the rest is random (~80 bits).
 */
export type Brand<Kind extends string> = string & { readonly __kind?: Kind };
export type EnvironmentId = Brand<'environment'>;
export type SessionId = Brand<'session'>;
export type EventId = Brand<'event'>;
export type ThreadId = Brand<'thread'>;
export type ResourceId = Brand<'resource'>;

export type IdPrefix =
  | 'agent'
  | 'depl'
  | 'drun'
  | 'egr'
  | 'env'
  | 'file'
  | 'sesn'
  | 'sesrsc'
  | 'sevt'
  | 'sthr'
  | 'vlt'
  | 'vcrd'
  | 'req'
  | 'apikey'
  | 'envkey'
  | 'whep'
  | 'wrkspc'
  | 'work'
  | 'memstore'
  | 'mem'
  | 'memver'
  | 'file'
  | 'skill'
  | 'skver';

/** Makes a new id. Passed in as a dependency wherever determinism matters. */
export type NewId = (prefix: IdPrefix) => string;

const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const timeLength = 8;
const randomLength = 14;

export const newId: NewId = (prefix) =>
  `${firstIdAt(prefix, Math.floor(systemClock.nowUs() / 1000))}${randomToken(randomLength)}`;

/** Sorts before every id of this kind made at `ms` since the epoch or later, and behind those made earlier. */
export function firstIdAt(prefix: IdPrefix, ms: number): string {
  return `${prefix}_01${encodeTime(ms)}`;
}

function encodeTime(ms: number): string {
  let rest = ms;
  let text = '';
  for (let i = 0; i < timeLength; i++) {
    text = alphabet.charAt(rest % 58) + text;
    rest = Math.floor(rest / 58);
  }
  return text;
}

const drawn = new Uint8Array(4096);
let used = drawn.length;

/** A byte of cryptographic randomness; asking the system for each would cost far more. */
function randomByte(): number {
  if (used === drawn.length) {
    randomFillSync(drawn);
    used = 0;
  }
  used += 1;
  return drawn[used - 1] ?? 0;
}

/** Bytes from here on would make some characters likelier than others. */
const fairBelow = 256 - (256 % alphabet.length);

/** `length` base58 characters of cryptographic randomness. */
export function randomToken(length: number): string {
  let text = '';
  while (text.length < length) {
    const byte = randomByte();
    if (byte < fairBelow) text += alphabet.charAt(byte % alphabet.length);
  }
  return text;
}

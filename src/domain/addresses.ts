/**
 * Which IP addresses are somewhere on the internet. Addresses are in one of the forms that resolvers and `URL` write,
 * which are canonical; anything else is no address.
 */

type Network = readonly [words: readonly number[], bits: number];

/** Networks that are not routed (IANA, special-purpose addresses): first bytes and how many bits of them count. */
const privateIpv4: readonly Network[] = [
  [[0], 8],
  [[10], 8],
  [[100, 64], 10],
  [[127], 8],
  [[169, 254], 16],
  [[172, 16], 12],
  [[192, 0, 0], 24],
  [[192, 0, 2], 24],
  [[192, 88, 99], 24],
  [[192, 168], 16],
  [[198, 18], 15],
  [[198, 51, 100], 24],
  [[203, 0, 113], 24],
  [[224], 3],
  // Routed only inside of a cloud: its machines' services.
  [[168, 63, 129, 16], 32],
];

/** 2001::/23 are protocols, 2001:db8::/32 and 3fff::/20 documents, 2002::/16 wraps an IPv4 address. */
const specialIpv6: readonly Network[] = [
  [[0x2001, 0], 23],
  [[0x2001, 0xdb8], 32],
  [[0x2002], 16],
  [[0x3fff, 0], 20],
];

/**
 * Neither private, nor of this machine or its links, nor for many at once, nor reserved. An IPv4 address that is
 * wrapped in an IPv6 one (mapped, translated, tunnelled) is none: it has a name of its own.
 */
export function isPublicAddress(address: string): boolean {
  const bits = bitsOf(address);
  if (bits === null) return false;
  if (bits.length === 32) return !privateIpv4.some((network) => isWithin(bits, network, 8));
  // Global unicast is 2000::/3.
  return bits.startsWith('001') && !specialIpv6.some((network) => isWithin(bits, network, 16));
}

/** `network` is an address, or one with the number of bits that count behind a slash. */
export function isInNetwork(address: string, network: string): boolean {
  const [first = '', length] = network.split('/');
  const [bits, wanted] = [bitsOf(address), bitsOf(first)];
  if (bits === null || wanted === null || bits.length !== wanted.length) return false;
  return bits.startsWith(wanted.slice(0, length === undefined ? wanted.length : Number(length)));
}

/** An address, or a network in the form `10.0.0.0/8`. */
export function isNetwork(text: string): boolean {
  const [address = '', length, ...rest] = text.split('/');
  const bits = bitsOf(address);
  if (bits === null || rest.length > 0) return false;
  return length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= bits.length);
}

export function isAddress(text: string): boolean {
  return bitsOf(text) !== null;
}

function isWithin(bits: string, [words, length]: Network, width: number): boolean {
  return bits.startsWith(binary(words, width).slice(0, length));
}

/** 32 or 128 binary digits; null: no address. */
function bitsOf(address: string): string | null {
  const ipv4 = wordsOfIpv4(address);
  if (ipv4 !== null) return binary(ipv4, 8);
  const ipv6 = wordsOfIpv6(address);
  return ipv6 === null ? null : binary(ipv6, 16);
}

function binary(numbers: readonly number[], width: number): string {
  return numbers.map((number) => number.toString(2).padStart(width, '0')).join('');
}

function wordsOfIpv4(address: string): readonly number[] | null {
  if (!/^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/.test(address)) return null;
  const bytes = address.split('.').map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : null;
}

function wordsOfIpv6(address: string): readonly number[] | null {
  const [head = '', tail, ...rest] = address.split('::');
  if (!address.includes(':') || rest.length > 0) return null;
  const before = wordsIn(head, tail === undefined);
  const after = tail === undefined ? [] : wordsIn(tail, true);
  if (before === null || after === null) return null;
  const gap = 8 - before.length - after.length;
  if (tail === undefined ? gap !== 0 : gap < 1) return null;
  return [...before, ...Array.from({ length: gap }, () => 0), ...after];
}

/** The last 32 bits may be written as an IPv4 address. */
function wordsIn(text: string, isLast: boolean): readonly number[] | null {
  if (text === '') return [];
  const parts = text.split(':');
  const ipv4 = isLast ? wordsOfIpv4(parts.at(-1) ?? '') : null;
  const words = (ipv4 ? parts.slice(0, -1) : parts).map((part) =>
    /^[0-9a-f]{1,4}$/i.test(part) ? Number.parseInt(part, 16) : Number.NaN,
  );
  if (words.some(Number.isNaN)) return null;
  const [a = 0, b = 0, c = 0, d = 0] = ipv4 ?? [];
  return ipv4 ? [...words, a * 256 + b, c * 256 + d] : words;
}

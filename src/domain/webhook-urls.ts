import { invalid } from '../protocol/refusal.ts';

/** `public` is the rule; `any` is for development: http, any port, addresses of this machine and its networks. */
export type WebhookUrlPolicy = 'public' | 'any';

/**
 * Refuses a URL that deliveries must not go to (spec/webhooks.md, Endpoint object), as far as it can be told by
 * looking at it. Where its name leads is only known when somebody connects, and must be checked there as well.
 */
export function checkWebhookUrl(text: string, policy: WebhookUrlPolicy): void {
  const problem = urlProblem(text, policy);
  if (problem !== null) throw invalid(`url: ${problem}`);
}

function urlProblem(text: string, policy: WebhookUrlPolicy): string | null {
  if (!URL.canParse(text)) return 'must be a URL';
  const { protocol, port, hostname, username, password, hash } = new URL(text);
  if (username !== '' || password !== '') return 'must not contain a user name or password';
  if (hash !== '') return 'must not have a fragment';
  if (policy === 'any') return protocol === 'https:' || protocol === 'http:' ? null : 'must be http or https';
  if (protocol !== 'https:') return 'must begin with https://';
  if (port !== '') return 'must be on port 443';
  return isPublicHost(hostname) ? null : `"${hostname}" is not a public host`;
}

const privateNames = [
  'localhost',
  'local',
  'internal',
  'localdomain',
  'invalid',
  'test',
  'home.arpa',
  'onion',
];

/** Of a host as `URL` spells it: addresses in their one canonical form, names in lower case. */
function isPublicHost(host: string): boolean {
  if (host.startsWith('[')) return isPublicIpv6(host.slice(1, -1));
  if (/^\d+\.\d+\.\d+\.\d+$/.test(host)) return isPublicIpv4(host.split('.').map(Number));
  const name = host.replace(/\.$/, '');
  return name.includes('.') && !privateNames.some((last) => name === last || name.endsWith(`.${last}`));
}

/** Networks that are not routed (IANA, special-purpose addresses): first bytes and how many bits of them count. */
const privateIpv4: readonly (readonly [bytes: readonly number[], bits: number])[] = [
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
];

function isPublicIpv4(address: readonly number[]): boolean {
  const bits = bitsOf(address, 8);
  return !privateIpv4.some(([bytes, length]) => bits.startsWith(bitsOf(bytes, 8).slice(0, length)));
}

function bitsOf(numbers: readonly number[], width: number): string {
  return numbers.map((number) => number.toString(2).padStart(width, '0')).join('');
}

/** Global unicast (2000::/3), without what only documents and tunnels use. */
function isPublicIpv6(host: string): boolean {
  const [head = '', tail] = host.split('::');
  const words = (text: string) =>
    text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16));
  const [before, after] = [words(head), words(tail ?? '')];
  const gap = tail === undefined ? 0 : 8 - before.length - after.length;
  const bits = bitsOf([...before, ...Array.from({ length: gap }, () => 0), ...after], 16);
  // 2001::/23 are protocols, 2001:db8::/32 and 3fff::/20 documents, 2002::/16 wraps an IPv4 address.
  const special = [
    `${bitsOf([0x2001], 16)}0000000`,
    bitsOf([0x2001, 0xdb8], 16),
    bitsOf([0x2002], 16),
    `${bitsOf([0x3fff], 16)}0000`,
  ];
  return bits.startsWith('001') && !special.some((network) => bits.startsWith(network));
}

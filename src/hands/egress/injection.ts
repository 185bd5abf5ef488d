import { scrubbedSecretBytesMin } from '../../domain/limits.ts';
import type { Injection } from '../../domain/sandbox-secrets.ts';
import type { Replacement } from './substitute.ts';
import { replaceText } from './substitute.ts';

/** Header lines one behind the other: name, value, name, value. */
export type HeaderLines = readonly string[];

/** What a request leaves with, and what its answer must not bring back. */
export type Injected = { readonly headers: string[]; readonly scrubbed: readonly Replacement[] };

/** Of one connection only (RFC 9110, 7.6.1); framing is the HTTP library's. */
const ofConnection = new Set([
  'connection',
  'proxy-connection',
  'proxy-authorization',
  'proxy-authenticate',
  'keep-alive',
  'te',
  'transfer-encoding',
  'upgrade',
  'expect',
]);

export function endToEnd(lines: HeaderLines): string[] {
  return pairsOf(lines)
    .filter(([name]) => !ofConnection.has(name.toLowerCase()))
    .flat();
}

/** Placeholders in the headers become secrets; answers are to come uncompressed, so that secrets are found in them. */
export function injectHeaders(lines: HeaderLines, injections: readonly Injection[]): Injected {
  const replacements = replacementsIn(injections, 'header');
  const scrubbed = injections.flatMap((one) => scrubbing(one.secret, one.placeholder));
  const headers: string[] = [];
  for (const [name, value] of pairsOf(lines)) {
    if (name.toLowerCase() === 'accept-encoding') continue;
    const injected = injectValue(name, value, replacements);
    const token = injected === value ? undefined : /^basic +(\S+)/i.exec(injected)?.[1];
    if (token !== undefined) scrubbed.push(...scrubbing(token, '*'));
    headers.push(name, injected);
  }
  return { headers: [...headers, 'accept-encoding', 'identity'], scrubbed };
}

export function replacementsIn(
  injections: readonly Injection[],
  location: 'header' | 'body',
): readonly Replacement[] {
  return injections
    .filter((one) => one[location])
    .map(({ placeholder, secret }) => ({ from: Buffer.from(placeholder), to: Buffer.from(secret, 'utf8') }));
}

/** What Basic authentication encodes is decoded first (RFC 7617). */
function injectValue(name: string, value: string, replacements: readonly Replacement[]): string {
  const basic = /^(basic +)(\S+)$/i.exec(value);
  if (!basic || !/^(proxy-)?authorization$/i.test(name)) return replaceText(value, replacements);
  const plain = Buffer.from(basic[2] ?? '', 'base64').toString('latin1');
  const injected = replaceText(plain, replacements);
  return injected === plain ? value : `${basic[1]}${Buffer.from(injected, 'latin1').toString('base64')}`;
}

/** The same length: the length of an answer is said before it comes. */
function scrubbing(secret: string, placeholder: string): Replacement[] {
  const from = Buffer.from(secret, 'utf8');
  if (from.length < scrubbedSecretBytesMin) return [];
  return [{ from, to: Buffer.from(placeholder.slice(0, from.length).padEnd(from.length, '*')) }];
}

export function scrubHeaders(lines: HeaderLines, scrubbed: readonly Replacement[]): string[] {
  return pairsOf(lines).flatMap(([name, value]) => [name, replaceText(value, scrubbed)]);
}

export function valuesIn(lines: HeaderLines, wanted: string): string[] {
  return pairsOf(lines).flatMap(([name, value]) => (name.toLowerCase() === wanted ? [value] : []));
}

export function without(lines: HeaderLines, unwanted: string): string[] {
  return pairsOf(lines)
    .filter(([name]) => name.toLowerCase() !== unwanted)
    .flat();
}

function pairsOf(lines: HeaderLines): (readonly [name: string, value: string])[] {
  return Array.from({ length: lines.length / 2 }, (_, index) => [
    lines[2 * index] ?? '',
    lines[2 * index + 1] ?? '',
  ]);
}

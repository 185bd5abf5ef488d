import { z } from 'zod';

/** Domain lists of the web tools: rules and wording of spec/tools.md, Web tools. */

const domainsMax = 64;
const domainLengthMax = 255;
const hostPattern = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;
const privateSuffixes = ['.localhost', '.local', '.internal', '.localdomain', '.invalid'];
/** Second-level labels that registries use as public suffixes: `co.uk` is no registrable domain. */
const suffixLabels = new Set(['co', 'com', 'net', 'org', 'gov', 'edu', 'ac', 'or', 'ne', 'go']);
const badPathCharacters = /[\s?#$,|^!]/;

type Shape = Readonly<Record<string, z.ZodType>>;

/** A `web_fetch` config: hosts only. */
export function fetchDomains<S extends Shape>(shape: S) {
  return withDomains(shape, false);
}

/** A `web_search` config: hosts with an optional path. */
export function searchDomains<S extends Shape>(shape: S) {
  return withDomains(shape, true);
}

function withDomains<S extends Shape>(shape: S, pathAllowed: boolean) {
  const lists = {
    allowed_domains: domainList('allowed_domains', pathAllowed),
    blocked_domains: domainList('blocked_domains', pathAllowed),
  };
  return z.strictObject({ ...shape, ...lists }).superRefine((config, context) => {
    // The two lists are members of every config made here; the generic shape hides them.
    const { allowed_domains, blocked_domains } = config as {
      allowed_domains?: unknown;
      blocked_domains?: unknown;
    };
    if (allowed_domains != null && blocked_domains != null) {
      context.addIssue({
        code: 'custom',
        message: 'Only one of allowed_domains or blocked_domains may be set.',
      });
    }
  });
}

function domainList(name: string, pathAllowed: boolean) {
  return z
    .array(z.string())
    .nullish()
    .superRefine((list, context) => {
      const problem = list ? listProblem(name, list, pathAllowed) : null;
      if (problem !== null)
        context.addIssue({ code: 'custom', message: problem, params: { absolute: true } });
    });
}

function listProblem(name: string, list: readonly string[], pathAllowed: boolean): string | null {
  if (list.length === 0) return `${name}: Empty list of domains is ambiguous; use null to unset it.`;
  if (list.length > domainsMax) return `${name}: must contain at most ${domainsMax} items`;
  const seen = new Set<string>();
  for (const [index, entry] of list.entries()) {
    const key = entry.toLowerCase().replace(/\/$/, '');
    const problem = entryProblem(key, entry, pathAllowed) ?? (seen.has(key) ? 'is listed twice' : null);
    if (problem !== null) return `${name}.${index}: "${entry}" ${problem}`;
    seen.add(key);
  }
  return null;
}

function entryProblem(key: string, entry: string, pathAllowed: boolean): string | null {
  if (entry.length < 1 || entry.length > domainLengthMax) return `must be 1 to ${domainLengthMax} characters`;
  const slash = key.indexOf('/');
  const host = slash === -1 ? key : key.slice(0, slash);
  if (slash !== -1 && (!pathAllowed || badPathCharacters.test(key.slice(slash))))
    return 'must not have a path';
  if (!hostPattern.test(host)) return 'must be a plain ASCII hostname without scheme, port or wildcard';
  if (privateSuffixes.some((suffix) => host.endsWith(suffix))) return 'is not a public domain';
  const labels = host.split('.');
  const [second = '', top = ''] = labels.slice(-2);
  if (labels.length === 2 && top.length === 2 && suffixLabels.has(second)) return 'is a public suffix';
  return null;
}

export const countryCode = z.string().superRefine((value, context) => {
  if (!/^[A-Z]{2}$/.test(value))
    context.addIssue({ code: 'custom', message: 'must be an ISO 3166-1 alpha-2 country code' });
});

export const timeZone = z.string().superRefine((value, context) => {
  if (!isTimeZone(value)) context.addIssue({ code: 'custom', message: 'must be an IANA time zone' });
});

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

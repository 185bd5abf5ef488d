import { searchHitsAskedMax, searchQueryCharactersMax, searchSitesMax } from '../../domain/limits.ts';
import { placeOf } from '../../domain/tools/web-places.ts';
import type { SearchHit } from '../../domain/web.ts';
import type { UserLocation } from '../../protocol/agent-tools.ts';
import { plainText } from './readable.ts';

/** What a service is asked. It may know nothing of places: what it finds outside of them is dropped anyway. */
export type ServiceQuery = {
  readonly query: string;
  /** Empty: everywhere. */
  readonly within: readonly string[];
  readonly without: readonly string[];
  readonly location: UserLocation | null;
};

export type ServiceRequest = {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
};

/** A search service: its requests, and the hits in its answers. Pure; a new one is a new member. */
type Service = {
  /** Where it is unless the settings say so; `null`: nowhere. */
  readonly url: string | null;
  readonly needsKey: boolean;
  request(query: ServiceQuery, apiKey: string | null): ServiceRequest;
  hits(answer: Fields): readonly SearchHit[];
  /** What an operator should know of a refusal. */
  readonly hint?: Readonly<Record<number, string>>;
};

type Fields = Readonly<Record<string, unknown>>;

export const searchServices = {
  // docs.searxng.org/dev/search_api.html
  searxng: {
    url: null,
    needsKey: false,
    request(query, apiKey) {
      const parameters = new URLSearchParams({ q: withSites(query), format: 'json' });
      const headers = apiKey === null ? {} : { authorization: `Bearer ${apiKey}` };
      return { method: 'GET', path: `/search?${parameters}`, headers };
    },
    hits: (answer) => list(answer['results']).map((hit) => hitOf(hit, text(hit['content']))),
    hint: { 403: 'json has to be among the search.formats in its settings' },
  },
  // api-dashboard.search.brave.com/api-reference/web/search/get
  brave: {
    url: 'https://api.search.brave.com/res/v1',
    needsKey: true,
    request(query, apiKey) {
      const country = query.location?.country ?? '';
      const parameters = new URLSearchParams({
        q: withSites(query),
        count: String(searchHitsAskedMax),
        result_filter: 'web',
        text_decorations: 'false',
        ...(braveCountries.has(country) ? { country } : {}),
      });
      const headers = { 'x-subscription-token': apiKey ?? '' };
      return { method: 'GET', path: `/web/search?${parameters}`, headers };
    },
    hits: (answer) =>
      list(record(answer['web'])['results']).map((hit) => {
        const excerpts = [text(hit['description']), ...texts(hit['extra_snippets'])];
        return hitOf({ ...hit, title: plainText(text(hit['title'])) }, plainText(excerpts.join('\n')));
      }),
  },
  // docs.tavily.com/documentation/api-reference/endpoint/search
  tavily: {
    url: 'https://api.tavily.com',
    needsKey: true,
    request({ query, within, without, location }, apiKey) {
      const body = {
        query,
        max_results: searchHitsAskedMax,
        ...some('include_domains', within.map(hostOf)),
        ...some('exclude_domains', without.filter((entry) => placeOf(entry).path === '').map(hostOf)),
        ...(location?.country ? { country: countryName(location.country) } : {}),
      };
      return { method: 'POST', path: '/search', headers: { authorization: `Bearer ${apiKey}` }, body };
    },
    hits: (answer) => list(answer['results']).map((hit) => hitOf(hit, text(hit['content']))),
  },
  // exa.ai/docs/reference/search
  exa: {
    url: 'https://api.exa.ai',
    needsKey: true,
    request({ query, within, without, location }, apiKey) {
      const body = {
        query,
        numResults: searchHitsAskedMax,
        contents: { highlights: true },
        ...some('includeDomains', within),
        ...some('excludeDomains', without),
        ...(location?.country ? { userLocation: location.country } : {}),
      };
      return { method: 'POST', path: '/search', headers: { 'x-api-key': apiKey ?? '' }, body };
    },
    hits: (answer) =>
      list(answer['results']).map((hit) =>
        hitOf(hit, texts(hit['highlights']).join('\n') || text(hit['text']) || text(hit['summary'])),
      ),
  },
} satisfies Readonly<Record<string, Service>>;

export type SearchServiceName = keyof typeof searchServices;

export function serviceOf(name: SearchServiceName): Service {
  return searchServices[name];
}

/** The countries that Brave knows; it refuses others. */
const braveCountries = new Set(
  'AR AU AT BE BR CA CL DK FI FR DE GR HK IN ID IT JP KR MY MX NL NZ NO CN PL PT PH RU SA ZA ES SE CH TW TR GB US'.split(
    ' ',
  ),
);

/** Search engines read places in the query itself, as long as they are few and the query stays short. */
function withSites({ query, within, without }: ServiceQuery): string {
  if (within.length + without.length > searchSitesMax) return query;
  const only = within.map((entry) => `site:${entry}`).join(' OR ');
  const not = without.map((entry) => `-site:${entry}`);
  const asked = [query, within.length > 1 ? `(${only})` : only, ...not]
    .filter((part) => part !== '')
    .join(' ');
  return asked.length > searchQueryCharactersMax ? query : asked;
}

function hostOf(entry: string): string {
  return placeOf(entry).host;
}

/** Tavily's names of countries are English and in lower case. */
function countryName(code: string): string {
  return (new Intl.DisplayNames('en', { type: 'region' }).of(code) ?? code).toLowerCase();
}

function some(name: string, entries: readonly string[]): Record<string, readonly string[]> {
  return entries.length === 0 ? {} : { [name]: entries };
}

function hitOf(hit: Fields, excerpt: string): SearchHit {
  return { url: text(hit['url']), title: text(hit['title']), text: excerpt };
}

function record(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function list(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(record) : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(text) : [];
}

import type { ResultBlock } from '../../protocol/content.ts';
import type { EnvironmentConfig } from '../../protocol/environments.ts';
import {
  searchHitsMax,
  searchQueryCharactersMax,
  searchTextCharactersMax,
  searchTitleCharactersMax,
} from '../limits.ts';
import type { CallResult } from '../session/calls.ts';
import { errorResult } from '../session/calls.ts';
import type { SessionState } from '../session/state.ts';
import type { SearchErrorCode, SearchHit, SearchWeb, WebDomains } from '../web.ts';
import { domainProblem, domainsOf, isAllowedHost, webConfig } from './web-places.ts';

/** What a call of `web_search` asks for, or the error that it is answered with. */
export function searchAsked(
  state: SessionState,
  input: Readonly<Record<string, unknown>>,
): SearchWeb | CallResult {
  const query = typeof input['query'] === 'string' ? input['query'].trim() : '';
  if (query.length < 2) return searchError('invalid_input', 'query must be a text of 2 characters or more');
  if (query.length > searchQueryCharactersMax)
    return searchError('query_too_long', `a query may have ${searchQueryCharactersMax} characters`);
  const config = webConfig(state.agent.tools, 'web_search');
  return {
    query,
    domains: domainsOf(config),
    location: config?.user_location ?? null,
    environmentId: state.environmentId,
  };
}

export function searchError(code: SearchErrorCode, why: string): CallResult {
  return errorResult(`${code}: ${why}`);
}

export type Places = { readonly domains: WebDomains; readonly config: EnvironmentConfig | null };

/** The first hits that may be shown, each page once. What may not is dropped without a word. */
export function shownHits(hits: readonly SearchHit[], { domains, config }: Places): readonly SearchHit[] {
  const urls = new Set<string>();
  const shown = hits.filter(({ url }) => {
    if (!/^https?:\/\//i.test(url) || !URL.canParse(url) || urls.has(url)) return false;
    urls.add(url);
    return domainProblem(url, domains) === null && isAllowedHost(new URL(url).hostname, config);
  });
  return shown.slice(0, searchHitsMax);
}

/** Every part of a result holds something: models are refused those that are empty. */
export function hitBlock({ url, title, text }: SearchHit): ResultBlock {
  const shown = shortened(text, searchTextCharactersMax);
  const heading = shortened(title, searchTitleCharactersMax);
  return {
    type: 'search_result',
    source: url,
    title: heading === '' ? url : heading,
    content: [{ type: 'text', text: shown === '' ? '(no excerpt)' : shown }],
    // Messages of agents have no place for citations.
    citations: { enabled: false },
  };
}

function shortened(text: string, charactersMax: number): string {
  const clean = text.replaceAll('\0', '').trim();
  return (clean.length > charactersMax ? `${clean.slice(0, charactersMax - 1)}…` : clean).toWellFormed();
}

import type { EnvironmentId } from '../base/ids.ts';
import type { UserLocation } from '../protocol/agent-tools.ts';
import type { ToolOutcome } from './hands.ts';

/** Why a page was not fetched (spec/tools.md, Web tools). */
export type FetchErrorCode =
  | 'invalid_input'
  | 'url_too_long'
  | 'url_not_allowed'
  | 'url_not_in_prior_context'
  | 'url_not_accessible'
  | 'unsupported_content_type'
  | 'too_many_requests'
  | 'unavailable';

/** Which places of the web may be used: `null` is every one, and blocks none. */
export type WebDomains = {
  readonly allowed: readonly string[] | null;
  readonly blocked: readonly string[];
};

/** Why a search gave no results (spec/tools.md, Web tools; the codes are the Messages API's). */
export type SearchErrorCode = 'invalid_input' | 'query_too_long' | 'too_many_requests' | 'unavailable';

export type SearchWeb = {
  readonly query: string;
  readonly domains: WebDomains;
  /** Approximately where the user is; `null`: anywhere. */
  readonly location: UserLocation | null;
  /** Its networking counts as well. */
  readonly environmentId: EnvironmentId;
};

export type SearchHit = { readonly url: string; readonly title: string; readonly text: string };

export type FetchPage = {
  readonly url: string;
  readonly domains: WebDomains;
  /** Of text; `null`: as much as there is. */
  readonly tokensMax: number | null;
  /** Its networking counts as well. */
  readonly environmentId: EnvironmentId;
};

/** The web, as the server reaches it for agents. Contract: both always resolve, soon after their signal aborts. */
export interface Web {
  /** Whether there is something to search with; without it every search is an error. */
  readonly canSearch: boolean;
  search(search: SearchWeb, signal: AbortSignal): Promise<ToolOutcome>;
  fetchPage(page: FetchPage, signal: AbortSignal): Promise<ToolOutcome>;
}

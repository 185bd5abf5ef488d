import type { EnvironmentId } from '../base/ids.ts';
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

/** Which hosts may be fetched from: `null` is every one, and blocks none. */
export type WebDomains = {
  readonly allowed: readonly string[] | null;
  readonly blocked: readonly string[];
};

export type FetchPage = {
  readonly url: string;
  readonly domains: WebDomains;
  /** Of text; `null`: as much as there is. */
  readonly tokensMax: number | null;
  /** Its networking counts as well. */
  readonly environmentId: EnvironmentId;
};

/** The web, as the server reaches it for agents. Contract: always resolves, soon after its signal aborts. */
export interface Web {
  fetchPage(page: FetchPage, signal: AbortSignal): Promise<ToolOutcome>;
}

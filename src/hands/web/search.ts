import type { Log } from '../../base/log.ts';
import type { ToolOutcome } from '../../domain/hands.ts';
import { searchAnswerBytesMax, searchMsMax } from '../../domain/limits.ts';
import { allowedHosts } from '../../domain/tools/web-places.ts';
import { hitBlock, searchError, shownHits } from '../../domain/tools/web-search.ts';
import type { SearchErrorCode, SearchHit, SearchWeb } from '../../domain/web.ts';
import type { EnvironmentConfig } from '../../protocol/environments.ts';
import { said } from '../tools/outcome.ts';
import type { SearchServiceName, ServiceQuery } from './search-services.ts';
import { serviceOf } from './search-services.ts';

/** What the server searches the web with. */
export type SearchSettings =
  | {
      readonly backend: SearchServiceName;
      readonly url: string;
      /** In no log line, no event and no error. */
      readonly apiKey: string | null;
    }
  /** Results that are known beforehand, for tests and work without a network. */
  | { readonly backend: 'fixture'; readonly results: readonly FixtureHit[] };

/** Found by every query, or by those that the pattern matches. */
export type FixtureHit = SearchHit & { readonly query: RegExp | null };

export type SearchOptions = {
  readonly settings: SearchSettings | null;
  readonly configOf: (environmentId: string) => Promise<EnvironmentConfig | null>;
  readonly version: string;
  readonly log: Pick<Log, 'warn'>;
};

/** A search without results, and why. */
class Unsearched extends Error {
  readonly code: SearchErrorCode;
  constructor(code: SearchErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Searches with the service of the settings; never rejects. */
export function createSearch({ settings, configOf, version, log }: SearchOptions) {
  return async (search: SearchWeb, signal: AbortSignal): Promise<ToolOutcome> => {
    if (settings === null)
      return searchError(
        'unavailable',
        'this server has nothing to search the web with; who runs it can set web_search in anthill.yaml',
      );
    try {
      const config = await configOf(search.environmentId);
      const hits = await found(settings, queryOf(search, config), { version, signal });
      const shown = shownHits(hits, { domains: search.domains, config });
      return shown.length === 0
        ? said('No results.')
        : { content: shown.map((hit) => hitBlock(hit)), isError: false };
    } catch (cause) {
      const { code, message } = explained(cause, signal.aborted);
      if (!signal.aborted) log.warn('web_search.failed', { backend: settings.backend, reason: message });
      return searchError(code, message);
    }
  };
}

/** Narrowed to what will be kept, so that services do not find what is dropped. */
function queryOf({ query, domains, location }: SearchWeb, config: EnvironmentConfig | null): ServiceQuery {
  const hosts = allowedHosts(config)?.map((host) => host.replace(/^\*\./, ''));
  return { query, location, within: domains.allowed ?? hosts ?? [], without: domains.blocked };
}

type Way = { readonly version: string; readonly signal: AbortSignal };

async function found(settings: SearchSettings, query: ServiceQuery, way: Way): Promise<readonly SearchHit[]> {
  if (settings.backend === 'fixture')
    return settings.results.filter((hit) => hit.query === null || hit.query.test(query.query));
  const { backend, url, apiKey } = settings;
  const service = serviceOf(backend);
  const { method, path, headers, body } = service.request(query, apiKey);
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: {
      accept: 'application/json',
      'user-agent': `anthill/${way.version} (web_search)`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    // A key goes nowhere else.
    redirect: 'manual',
    signal: AbortSignal.any([way.signal, AbortSignal.timeout(searchMsMax)]),
  });
  if (!answer.ok) {
    await answer.body?.cancel();
    throw refusal(answer.status, service.hint?.[answer.status]);
  }
  return service.hits(await jsonOf(answer));
}

/** What a service says itself may repeat the key, so it is not repeated here. */
function refusal(status: number, hint: string | undefined): Unsearched {
  if (status === 429)
    return new Unsearched('too_many_requests', 'the search service asks for fewer requests; try again later');
  const why = hint ?? (status === 401 || status === 403 ? "it does not take the server's key" : null);
  const message = `the search service answered HTTP ${status}${why === null ? '' : `: ${why}`}`;
  return new Unsearched('unavailable', message);
}

async function jsonOf(answer: Response): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body ?? []) {
    size += chunk.length;
    if (size > searchAnswerBytesMax) throw new Unsearched('unavailable', 'the answer is too large');
    chunks.push(chunk);
  }
  try {
    const parsed: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    // Members of anything else are looked for in vain.
    if (typeof parsed === 'object' && parsed !== null) return parsed as Record<string, unknown>;
  } catch {
    // Falls through: not JSON.
  }
  throw new Unsearched('unavailable', 'the search service did not answer with JSON');
}

function explained(cause: unknown, isAborted: boolean): { code: SearchErrorCode; message: string } {
  if (isAborted) return { code: 'unavailable', message: 'interrupted' };
  if (cause instanceof Unsearched) return cause;
  const isLate = cause instanceof Error && cause.name === 'TimeoutError';
  return {
    code: 'unavailable',
    message: isLate
      ? 'the search service did not answer in time'
      : 'the search service could not be connected to',
  };
}

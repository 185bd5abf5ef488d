import type { FixtureHit, SearchSettings } from '../hands/web/search.ts';
import type { SearchServiceName } from '../hands/web/search-services.ts';
import { searchServices, serviceOf } from '../hands/web/search-services.ts';

type Fields = Readonly<Record<string, unknown>>;
type Environment = Readonly<Record<string, string | undefined>>;

/**
 * `web_search` of anthill.yaml and the variables that win over it; null: the server searches with nothing. Mistakes
 * are thrown as `Mistake`, in one sentence that does not repeat the key.
 */
export function searchSettingsOf(
  env: Environment,
  file: Fields,
  Mistake: new (message: string) => Error,
): SearchSettings | null {
  const setting = (variable: string, name: string) => env[variable] || text(file[name]);
  const backend = setting('ANTHILL_WEB_SEARCH_BACKEND', 'backend');
  if (backend === null) {
    if (Object.keys(file).length > 0)
      throw new Mistake('web_search.backend: must be set beside the other settings');
    return null;
  }
  if (backend === 'fixture') return { backend, results: resultsOf(file['results'] ?? [], Mistake) };
  if (!isServiceName(backend))
    throw new Mistake(
      `web_search.backend: "${backend}" is none of ${[...Object.keys(searchServices), 'fixture'].join(', ')}`,
    );
  if (file['results'] !== undefined)
    throw new Mistake('web_search.results: only the backend fixture has them');
  const service = serviceOf(backend);
  const url = setting('ANTHILL_WEB_SEARCH_URL', 'url') ?? service.url;
  if (url === null) throw new Mistake(`web_search.url: must be set for ${backend}`);
  if (!/^https?:\/\//.test(url) || !URL.canParse(url))
    throw new Mistake(`web_search.url: "${url}" is not an http or https URL`);
  const apiKey = setting('ANTHILL_WEB_SEARCH_API_KEY', 'api_key');
  if (apiKey === null && service.needsKey)
    throw new Mistake(`web_search.api_key: ${backend} needs one; set it in ANTHILL_WEB_SEARCH_API_KEY`);
  if (apiKey !== null && !/^[\x21-\x7e]+$/.test(apiKey))
    throw new Mistake('web_search.api_key: has characters that no key has');
  return { backend, url: url.replace(/\/+$/, ''), apiKey };
}

function isServiceName(name: string): name is SearchServiceName {
  return Object.hasOwn(searchServices, name);
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

const hitFields: readonly string[] = ['url', 'title', 'text', 'query'];

function resultsOf(value: unknown, Mistake: new (message: string) => Error): readonly FixtureHit[] {
  if (!Array.isArray(value)) throw new Mistake('web_search.results: must be a list');
  return value.map((entry: unknown, index) => {
    const path = `web_search.results[${index}]`;
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry))
      throw new Mistake(`${path}: must be a mapping`);
    const unknown = Object.keys(entry).find((name) => !hitFields.includes(name));
    if (unknown !== undefined)
      throw new Mistake(`${path}: unknown setting "${unknown}"; known are ${hitFields.join(', ')}`);
    const sent: Fields = { ...entry };
    const url = text(sent['url']);
    if (url === null || !URL.canParse(url)) throw new Mistake(`${path}.url: must be a URL`);
    const query = text(sent['query']);
    return {
      url,
      title: text(sent['title']) ?? '',
      text: text(sent['text']) ?? '',
      query: query === null ? null : patternOf(query, `${path}.query`, Mistake),
    };
  });
}

function patternOf(source: string, path: string, Mistake: new (message: string) => Error): RegExp {
  try {
    return new RegExp(source, 'i');
  } catch {
    throw new Mistake(`${path}: "${source}" is not a regular expression`);
  }
}

import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type { Answer, RecordingServer } from '../../../test/support/recording-server.ts';
import { startRecordingServer } from '../../../test/support/recording-server.ts';
import type { SearchWeb } from '../../domain/web.ts';
import type { EnvironmentConfig } from '../../protocol/environments.ts';
import type { SearchSettings } from './search.ts';
import { createSearch } from './search.ts';
import type { SearchServiceName } from './search-services.ts';

const key = 'key-of-the-search-service';
const packages = { type: 'packages' as const, apt: [], cargo: [], gem: [], go: [], npm: [], pip: [] };
const limitedTo = (...hosts: string[]): EnvironmentConfig => ({
  type: 'cloud',
  networking: {
    type: 'limited',
    allowed_hosts: hosts,
    allow_mcp_servers: false,
    allow_package_managers: false,
  },
  packages,
});
const search = (change: Partial<SearchWeb> = {}): SearchWeb => ({
  query: 'leafcutter ants',
  domains: { allowed: null, blocked: [] },
  location: null,
  environmentId: 'env_1',
  ...change,
});
const fungus = 'https://ants.example/fungus';

/** What each service answers, in its documented form, with what must not be mistaken for a result around it. */
const answers: Readonly<Record<SearchServiceName, unknown>> = {
  searxng: {
    query: 'leafcutter ants',
    number_of_results: 0,
    results: [
      { url: fungus, title: 'Fungus', content: 'They farm.', engine: 'a', engines: ['a'], score: 1.5 },
      { url: 'https://other.example/', title: '', content: null },
    ],
    infoboxes: [{ infobox: 'Ant', urls: [{ url: 'https://box.example' }] }],
    unresponsive_engines: [['b', 'timeout']],
  },
  brave: {
    type: 'search',
    query: { original: 'leafcutter ants' },
    news: { results: [{ title: 'News', url: 'https://news.example' }] },
    web: {
      type: 'search',
      results: [
        { title: 'Fungus', url: fungus, description: 'They <strong>farm</strong>.', extra_snippets: [] },
        { title: '', url: 'https://other.example/', description: '' },
      ],
    },
  },
  tavily: {
    query: 'leafcutter ants',
    answer: null,
    images: [],
    results: [
      { title: 'Fungus', url: fungus, content: 'They farm.', score: 0.9, raw_content: null },
      { title: '', url: 'https://other.example/', content: '', score: 0.1 },
    ],
    response_time: 1.2,
  },
  exa: {
    requestId: 'r',
    results: [
      { id: fungus, title: 'Fungus', url: fungus, highlights: ['They farm.'], highlightScores: [0.9] },
      { id: 'o', title: null, url: 'https://other.example/' },
    ],
    costDollars: { total: 0.005 },
  },
};

const services: ReadonlyMap<
  SearchServiceName,
  { url: string; header: string; value: string; body?: object }
> = new Map([
  [
    'searxng',
    { url: '/search?q=leafcutter+ants&format=json', header: 'authorization', value: `Bearer ${key}` },
  ],
  [
    'brave',
    {
      url: '/web/search?q=leafcutter+ants&count=20&result_filter=web&text_decorations=false&country=BR',
      header: 'x-subscription-token',
      value: key,
    },
  ],
  [
    'tavily',
    {
      url: '/search',
      header: 'authorization',
      value: `Bearer ${key}`,
      body: { query: 'leafcutter ants', max_results: 20, country: 'brazil' },
    },
  ],
  [
    'exa',
    {
      url: '/search',
      header: 'x-api-key',
      value: key,
      body: {
        query: 'leafcutter ants',
        numResults: 20,
        contents: { highlights: true },
        userLocation: 'BR',
      },
    },
  ],
]);

describe('searching the web', () => {
  const servers: RecordingServer[] = [];
  const warned: unknown[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
    warned.length = 0;
  });
  async function serviceAnswering(answer: Answer) {
    const server = await startRecordingServer(() => answer);
    servers.push(server);
    return server;
  }
  const searching = (settings: SearchSettings | null, config: EnvironmentConfig | null = null) =>
    createSearch({
      settings,
      configOf: async () => config,
      version: '1',
      log: { warn: (...line: unknown[]) => void warned.push(line) },
    });
  const never = new AbortController().signal;
  const shownOf = ({ content }: Awaited<ReturnType<ReturnType<typeof searching>>>) =>
    content.map((block) => (block.type === 'search_result' ? block.source : textOf(block)));
  const textOf = (block: { type: string; text?: string }) => block.text ?? block.type;

  for (const [backend, expected] of services) {
    test(`${backend} is asked as its documentation says, and its results become search results`, async () => {
      const service = await serviceAnswering({ body: answers[backend] });
      const location = { type: 'approximate', country: 'BR', city: 'Manaus' } as const;
      const outcome = await searching({ backend, url: service.url, apiKey: key })(
        search({ location }),
        never,
      );
      const [asked] = service.requests;
      assert.equal(asked?.url, expected.url);
      assert.equal(asked?.headers[expected.header], expected.value);
      assert.deepEqual(asked?.body, expected.body);
      const result = { type: 'search_result', citations: { enabled: false } };
      assert.deepEqual(outcome, {
        isError: false,
        content: [
          { ...result, source: fungus, title: 'Fungus', content: [{ type: 'text', text: 'They farm.' }] },
          {
            ...result,
            source: 'https://other.example/',
            title: 'https://other.example/',
            content: [{ type: 'text', text: '(no excerpt)' }],
          },
        ],
      });
      assert.deepEqual(warned, []);
    });

    test(`${backend} that is refused, busy or broken is an error that does not tell the key`, async () => {
      const said = `nobody knows ${key}`;
      for (const [answer, code] of [
        [{ status: 401, body: { error: said } }, 'unavailable: the search service answered HTTP 401'],
        [{ status: 403, body: said }, 'unavailable: the search service answered HTTP 403: '],
        [{ status: 429, body: said }, 'too_many_requests: '],
        [{ status: 500, body: said }, 'unavailable: the search service answered HTTP 500'],
        [
          { status: 302, headers: { location: 'http://127.0.0.1:9/' } },
          'unavailable: the search service answered HTTP 302',
        ],
        [{ body: `<p>${said}` }, 'unavailable: the search service did not answer with JSON'],
        [{ body: 'x'.repeat(4 * 1024 * 1024 + 1) }, 'unavailable: the answer is too large'],
        [{ body: '{"results":', isCut: true }, 'unavailable: the search service could not be connected to'],
      ] satisfies (readonly [Answer, string])[]) {
        const service = await serviceAnswering(answer);
        const outcome = await searching({ backend, url: service.url, apiKey: key })(search(), never);
        assert.equal(outcome.isError, true);
        assert.ok(shownOf(outcome)[0]?.startsWith(code), `${shownOf(outcome)[0]} begins with ${code}`);
        assert.doesNotMatch(JSON.stringify([outcome, warned]), new RegExp(key));
      }
      assert.equal(warned.length, 8);
    });

    test(`${backend} that answers something else has no results`, async () => {
      for (const body of ['null', '[]', '{}', '{"results":{},"web":[]}', '{"results":[null,1,{"url":5}]}']) {
        const service = await serviceAnswering({ body });
        const outcome = await searching({ backend, url: service.url, apiKey: key })(search(), never);
        assert.ok(['No results.', 'unavailable'].some((text) => shownOf(outcome)[0]?.startsWith(text)));
      }
    });
  }

  const found = (...urls: string[]): SearchSettings => ({
    backend: 'fixture',
    results: urls.map((url) => ({ url, title: 'T', text: 'x', query: null })),
  });

  test('what is outside of the lists of domains, or of a limited environment, is dropped', async () => {
    const urls = ['https://a.example/blog/1', 'https://www.a.example/', 'https://b.example/blogger'];
    const cases: readonly (readonly [SearchWeb['domains'], EnvironmentConfig | null, readonly string[]])[] = [
      [{ allowed: ['a.example'], blocked: [] }, null, urls.slice(0, 2)],
      [{ allowed: ['A.example/blog/'], blocked: [] }, null, urls.slice(0, 1)],
      [{ allowed: ['b.example/blog'], blocked: [] }, null, ['No results.']],
      [{ allowed: null, blocked: ['www.a.example', 'b.example'] }, null, urls.slice(0, 1)],
      [{ allowed: null, blocked: [] }, limitedTo('*.a.example'), urls.slice(1, 2)],
      [{ allowed: null, blocked: [] }, limitedTo('a.example', 'b.example'), [urls[0] ?? '', urls[2] ?? '']],
      [{ allowed: null, blocked: [] }, limitedTo(), ['No results.']],
      [{ allowed: null, blocked: [] }, { type: 'self_hosted' }, urls],
    ];
    for (const [domains, config, expected] of cases) {
      assert.deepEqual(
        shownOf(await searching(found(...urls), config)(search({ domains }), never)),
        expected,
      );
    }
  });

  test('ten results are enough, each page once, and nothing that is no page', async () => {
    const many = Array.from({ length: 15 }, (_, index) => `https://a.example/${index}`);
    const urls = ['javascript:alert(1)', 'https://', 'ftp://a.example/', many[0] ?? '', ...many];
    assert.deepEqual(shownOf(await searching(found(...urls))(search(), never)), many.slice(0, 10));
  });

  test('services hear of places, few in the query and more in their own way', async () => {
    const domains = { allowed: ['a.example', 'b.example/blog'], blocked: [] };
    const body = { results: [] };
    const ask = async (
      backend: SearchServiceName,
      change: Partial<SearchWeb>,
      config?: EnvironmentConfig,
    ) => {
      const service = await serviceAnswering({ body });
      await searching({ backend, url: service.url, apiKey: key }, config)(search(change), never);
      return service.requests[0];
    };
    const q = async (...args: Parameters<typeof ask>) =>
      new URL((await ask(...args))?.url ?? '', 'http://x').searchParams.get('q');
    assert.equal(await q('searxng', { domains }), 'leafcutter ants (site:a.example OR site:b.example/blog)');
    assert.equal(
      await q('brave', { domains: { allowed: null, blocked: ['c.example'] } }),
      'leafcutter ants -site:c.example',
    );
    assert.equal(await q('searxng', {}, limitedTo('*.d.example')), 'leafcutter ants site:d.example');
    const nine = Array.from({ length: 9 }, (_, index) => `${index}.example`);
    assert.equal(await q('searxng', { domains: { allowed: nine, blocked: [] } }), 'leafcutter ants');
    const tavily = await ask('tavily', { domains });
    assert.deepEqual(Reflect.get(Object(tavily?.body), 'include_domains'), ['a.example', 'b.example']);
    const exa = await ask('exa', { domains: { allowed: null, blocked: ['c.example/x'] } });
    assert.deepEqual(Reflect.get(Object(exa?.body), 'excludeDomains'), ['c.example/x']);
  });

  test('nothing to search with, or an interrupt, is an error at once', async () => {
    const [none] = shownOf(await searching(null)(search(), never));
    assert.match(none ?? '', /^unavailable: .*web_search in anthill\.yaml$/);
    const service = await serviceAnswering({ isOpen: true });
    const abort = new AbortController();
    const pending = searching({ backend: 'searxng', url: service.url, apiKey: null })(search(), abort.signal);
    abort.abort();
    assert.deepEqual(shownOf(await pending), ['unavailable: interrupted']);
    assert.deepEqual(warned, []);
  });
});

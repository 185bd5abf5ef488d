import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { searchSettingsOf } from './search-settings.ts';

class Mistake extends Error {}
const read = (file: Record<string, unknown>, env: Record<string, string> = {}) =>
  searchSettingsOf(env, file, Mistake);

describe('web_search of anthill.yaml', () => {
  test('is nothing unless it is set', () => {
    assert.equal(read({}), null);
  });

  test('names a service, where it is and its key; variables win', () => {
    assert.deepEqual(read({ backend: 'searxng', url: 'http://localhost:8888/' }), {
      backend: 'searxng',
      url: 'http://localhost:8888',
      apiKey: null,
    });
    assert.deepEqual(
      read({ backend: 'brave', api_key: 'of-the-file' }, { ANTHILL_WEB_SEARCH_API_KEY: 'k' }),
      {
        backend: 'brave',
        url: 'https://api.search.brave.com/res/v1',
        apiKey: 'k',
      },
    );
    const variables = {
      ANTHILL_WEB_SEARCH_BACKEND: 'exa',
      ANTHILL_WEB_SEARCH_URL: 'https://exa.proxy.example/v1',
      ANTHILL_WEB_SEARCH_API_KEY: 'k',
    };
    assert.deepEqual(read({}, variables), {
      backend: 'exa',
      url: 'https://exa.proxy.example/v1',
      apiKey: 'k',
    });
  });

  test('has its results with it when they are fixed', () => {
    const url = 'https://a.example/';
    assert.deepEqual(read({ backend: 'fixture', results: [{ url, title: 'A', query: 'ants?' }] }), {
      backend: 'fixture',
      results: [{ url, title: 'A', text: '', query: /ants?/i }],
    });
  });

  const mistakes: readonly (readonly [file: Record<string, unknown>, fragment: RegExp])[] = [
    [{ url: 'http://localhost' }, /web_search\.backend: must be set/],
    [{ backend: 'bing' }, /web_search\.backend: "bing" is none of searxng, brave, tavily, exa, fixture/],
    [{ backend: 'constructor' }, /is none of/],
    [{ backend: 'searxng' }, /web_search\.url: must be set for searxng/],
    [{ backend: 'searxng', url: 'localhost:8888' }, /is not an http or https URL/],
    [{ backend: 'tavily' }, /tavily needs one; set it in ANTHILL_WEB_SEARCH_API_KEY/],
    [{ backend: 'exa', api_key: 'a b\n' }, /has characters that no key has$/],
    [{ backend: 'exa', api_key: 'k', results: [] }, /only the backend fixture/],
    [{ backend: 'fixture', results: {} }, /must be a list/],
    [{ backend: 'fixture', results: ['x'] }, /results\[0\]: must be a mapping/],
    [{ backend: 'fixture', results: [{ url: 'x' }] }, /results\[0\]\.url: must be a URL/],
    [{ backend: 'fixture', results: [{ uri: 'x' }] }, /unknown setting "uri"/],
    [{ backend: 'fixture', results: [{ url: 'http://x', query: '(' }] }, /is not a regular expression/],
  ];
  for (const [file, fragment] of mistakes) {
    test(`refuses ${JSON.stringify(file)}`, () => {
      assert.throws(
        () => read(file),
        (thrown) => thrown instanceof Mistake && fragment.test(thrown.message),
      );
    });
  }
});

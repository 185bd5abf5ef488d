import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import { UsageMistake } from './io.ts';
import type { TargetOptions } from './server-file.ts';
import { findTarget } from './server-file.ts';

describe('whom the command line talks to', () => {
  const data = mkdtempSync(join(tmpdir(), 'anthill-data-'));
  const path = join(data, 'server.json');
  after(() => rmSync(data, { recursive: true }));
  beforeEach(() => {
    rmSync(path, { force: true });
    write(JSON.stringify({ base_url: 'http://local', api_key: 'local-key' }));
  });

  function write(text: string, mode = 0o600) {
    writeFileSync(path, text);
    chmodSync(path, mode);
  }
  const find = (options: Partial<TargetOptions>) =>
    findTarget({ baseUrl: null, apiKey: null, data, env: {}, ...options });

  const key = 'real-key';
  const cases: readonly (readonly [
    name: string,
    options: Partial<TargetOptions>,
    baseUrl: string,
    apiKey: string | null,
  ])[] = [
    ['nothing said: the local server with its own key', {}, 'http://local', 'local-key'],
    [
      'a key in the environment stays at home',
      { env: { ANTHROPIC_API_KEY: key } },
      'http://local',
      'local-key',
    ],
    ['a key flag is meant', { apiKey: 'typed' }, 'http://local', 'typed'],
    ['a base URL never gets the local key', { baseUrl: 'http://far' }, 'http://far', null],
    [
      'a base URL gets the environment’s',
      { baseUrl: 'http://far', env: { ANTHROPIC_API_KEY: key } },
      'http://far',
      key,
    ],
    [
      'a base URL from the environment too',
      { env: { ANTHROPIC_BASE_URL: 'http://far/', ANTHROPIC_API_KEY: key } },
      'http://far',
      key,
    ],
    ['the flag wins', { baseUrl: 'http://a', env: { ANTHROPIC_BASE_URL: 'http://b' } }, 'http://a', null],
    [
      'empty is unset',
      { env: { ANTHROPIC_BASE_URL: '', ANTHROPIC_API_KEY: '' } },
      'http://local',
      'local-key',
    ],
    [
      'the data directory may come from the environment',
      { data: null, env: { ANTHILL_DATA: data } },
      'http://local',
      'local-key',
    ],
  ];
  for (const [name, options, baseUrl, apiKey] of cases) {
    test(name, () => {
      assert.deepEqual(find(options), { baseUrl, apiKey });
    });
  }

  test('without a server file one sentence says what to do', () => {
    rmSync(path);
    assert.throws(
      () => find({}),
      (cause: unknown) => {
        assert.ok(cause instanceof UsageMistake);
        assert.match(cause.message, /no local server found .* run `anthill up`/);
        return true;
      },
    );
  });

  test('a server file that others can read is not used', () => {
    write('{}', 0o640);
    assert.throws(() => find({}), /mode 0600/);
  });

  test('half a server file is a mistake, not a crash', () => {
    for (const text of ['', '{"base_url": "http://lo', '[]', '{"base_url": 1}']) {
      write(text);
      assert.throws(() => find({}), UsageMistake);
    }
  });

  test('a base URL needs its scheme', () => {
    assert.throws(() => find({ baseUrl: 'localhost:4141' }), /--base-url: "localhost:4141" is not a URL/);
    assert.throws(
      () => find({ env: { ANTHROPIC_BASE_URL: 'far' } }),
      /ANTHROPIC_BASE_URL: "far" is not a URL/,
    );
  });
});

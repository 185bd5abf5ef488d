import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import { diskQuotaBytesDefault } from '../domain/limits.ts';
import { packageHostsDefault } from '../domain/package-hosts.ts';
import { ConfigMistake, readConfig } from './config.ts';
import { rootfsSettingsOf } from './rootfs-settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'anthill-config-'));
const cwd = join(folder, 'here');
const data = join(folder, 'data');
after(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  for (const path of [cwd, data]) {
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path);
  }
});

type Environment = Parameters<typeof readConfig>[1];
const read = (args: readonly string[] = [], env: Environment = {}) =>
  readConfig(args, { ANTHILL_DATA: data, ...env }, cwd);
const yaml = (text: string, where = cwd) => writeFileSync(join(where, 'anthill.yaml'), text);

describe('configuration', () => {
  test('nothing said: this machine only, port 4141, no model provider', () => {
    assert.deepEqual(read(), {
      host: '127.0.0.1',
      port: 4141,
      dataDir: data,
      database: null,
      filesDir: null,
      leaseMs: 60_000,
      logLevel: 'info',
      apiKey: null,
      masterKey: null,
      upstream: null,
      scenariosDir: join(data, 'scenarios'),
      judgeModel: null,
      filesQuotaBytes: 1024 ** 4,
      models: [],
      noAuth: false,
      rateLimits: { createPerMinute: null, readPerMinute: null, keys: {} },
      webhookUrls: 'public',
      egress: { privateNetworks: [], hosts: {}, packageHosts: packageHostsDefault },
      sandbox: { provider: 'bubblewrap' },
      metrics: { isOpen: false, isExported: false },
      webSearch: null,
      diskQuotaBytes: diskQuotaBytesDefault,
      repositoryHosts: [],
      rootfs: rootfsSettingsOf({}, cwd, ConfigMistake),
      packageVariables: {},
      retention: {
        sandboxesDays: 30,
        idleSandboxesDays: null,
        sessionFilesDays: null,
        egressDays: null,
        deploymentRunsDays: null,
        workDays: null,
        archivedSessionsDays: null,
        usageDays: null,
      },
      roles: new Set(['api', 'brain', 'hands', 'scheduler']),
      drainNoticeMs: 0,
      programs: '',
    });
  });

  test('telemetry goes where OTEL_* says, unless it is switched off', () => {
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318' };
    assert.equal(read([], endpoint).metrics.isExported, true);
    assert.equal(read([], { OTEL_TRACES_EXPORTER: 'otlp' }).metrics.isExported, true);
    assert.equal(read([], { ...endpoint, OTEL_SDK_DISABLED: 'true' }).metrics.isExported, false);
    yaml('metrics: { open: true }\n');
    assert.equal(read().metrics.isOpen, true);
    yaml('metrics: { open: yes please }\n');
    assert.throws(() => read(), /metrics\.open: must be true or false/);
  });

  test('hosts of repositories come from the file, each with its port if it has one', () => {
    yaml("repositories: {hosts: [git.example.com, 'git.example.com:8443']}");
    assert.deepEqual(read().repositoryHosts, ['git.example.com', 'git.example.com:8443']);
    for (const host of ['Git.example.com', 'https://git.example.com', 'git.example.com:443', 'a/b', '7']) {
      yaml(`repositories: {hosts: ['${host}']}`);
      assert.throws(() => read(), { message: new RegExp(`^repositories.hosts: "${host}" is not a host`) });
    }
    yaml('repositories: {hosts: git.example.com}');
    assert.throws(() => read(), { message: 'repositories.hosts: must be a list' });
  });

  test('flags win over the environment, that over the file', () => {
    yaml('port: 1001\nhost: file\nlog_level: debug\nmodels: [a, b]\nscenarios: mine\n');
    const { port, host, logLevel, models, scenariosDir } = read();
    assert.deepEqual([port, host, logLevel, models], [1001, 'file', 'debug', [{ id: 'a' }, { id: 'b' }]]);
    assert.equal(scenariosDir, join(cwd, 'mine'));
    const env = {
      ANTHILL_PORT: '1002',
      ANTHILL_HOST: 'env',
      ANTHILL_LOG_LEVEL: 'warn',
      ANTHILL_SCENARIOS: '/s',
    };
    const told = read([], env);
    assert.deepEqual([told.port, told.host, told.logLevel, told.scenariosDir], [1002, 'env', 'warn', '/s']);
    const flagged = read(['--port', '0', '--host', '::1', '--scenarios', '/f'], env);
    assert.deepEqual([flagged.port, flagged.host, flagged.scenariosDir], [0, '::1', '/f']);
    assert.equal(read(['--data', '/elsewhere']).dataDir, '/elsewhere');
  });

  test('rate limits, of all keys and of single ones, and a switch for development come from the file', () => {
    yaml(`rate_limits: {create_per_minute: 300, keys: {apikey_1: {read_per_minute: 5}}}
webhooks: {allow_private_urls: true}`);
    const { rateLimits, webhookUrls } = read();
    assert.deepEqual(rateLimits, {
      createPerMinute: 300,
      readPerMinute: null,
      keys: { apikey_1: { createPerMinute: null, readPerMinute: 5 } },
    });
    assert.equal(webhookUrls, 'any');
  });

  test('--no-auth is for this machine only', () => {
    for (const host of ['127.0.0.1', '127.8.0.1', '::1', 'localhost'])
      assert.equal(read(['--no-auth', '--host', host]).noAuth, true);
  });

  test('an empty variable is an unset one', () => {
    const env = {
      ANTHILL_PORT: '',
      ANTHILL_HOST: '',
      ANTHILL_API_KEY: '',
      ANTHILL_CONFIG: '',
      ANTHILL_LOG_LEVEL: '',
    };
    assert.deepEqual(read([], env), read());
    assert.match(readConfig([], { ANTHILL_DATA: '' }, cwd).dataDir, /\.anthill$/);
  });

  test('the file is looked for here, then in the data directory, or where --config says', () => {
    yaml('port: 1', data);
    assert.equal(read().port, 1);
    yaml('port: 2');
    assert.equal(read().port, 2);
    writeFileSync(join(cwd, 'other.yaml'), 'port: 3');
    assert.equal(read(['--config', 'other.yaml']).port, 3);
    assert.equal(read([], { ANTHILL_CONFIG: join(cwd, 'other.yaml') }).port, 3);
  });

  const mistakes: readonly (readonly [
    name: string,
    args: readonly string[],
    env: Environment,
    file: string,
    says: RegExp,
  ])[] = [
    ['an unknown flag', ['--prot', '1'], {}, '', /--prot/],
    ['a word', ['4141'], {}, '', /4141/],
    ['a port that is none', ['--port', '70000'], {}, '', /"70000" is not a port/],
    ['a port in words', [], { ANTHILL_PORT: 'http' }, '', /"http" is not a port/],
    [
      'a master key that is too short',
      [],
      { ANTHILL_MASTER_KEY: 'c2hvcnQ=' },
      '',
      /^ANTHILL_MASTER_KEY: must be 32/,
    ],
    ['a log level that is none', [], { ANTHILL_LOG_LEVEL: 'loud' }, '', /log_level: "loud"/],
    ['a file that is not there', ['--config', 'none.yaml'], {}, '', /none\.yaml does not exist/],
    ['a file that is no YAML', [], {}, 'port: [', /anthill\.yaml: /],
    ['a setting that nobody knows', [], {}, 'upsteam: {}', /unknown setting "upsteam"; known are host, port/],
    [
      'a disk quota that is none',
      [],
      {},
      'sandbox: {disk_quota_bytes: lots}',
      /sandbox.disk_quota_bytes: must be a number of bytes, 1048576 or more/,
    ],
    [
      'a lease that is too short',
      [],
      { ANTHILL_LEASE_SECONDS: '4' },
      '',
      /not a number of seconds, 5 to 600/,
    ],
    ['the same further in', [], {}, 'upstream: {url: x}', /unknown setting "url"; known are base_url/],
    [
      'a rate limit that is none',
      [],
      {},
      'rate_limits: {read_per_minute: 0}',
      /read_per_minute: must be a number/,
    ],
    [
      'a rate limit of a key that is none',
      [],
      {},
      'rate_limits: {keys: {apikey_1: {create_per_minute: many}}}',
      /^rate_limits\.keys\.apikey_1\.create_per_minute: must be/,
    ],
    ['a switch that is none', [], {}, 'webhooks: {allow_private_urls: maybe}', /must be true or false/],
    ['no keys for all the world', ['--no-auth', '--host', '0.0.0.0'], {}, '', /0\.0\.0\.0 can be reached/],
    ['no keys on a name', ['--no-auth'], { ANTHILL_HOST: 'anthill.example' }, '', /anthill\.example can be/],
    ['no keys on what only looks local', ['--no-auth', '--host', '127.0.0.1.evil.example'], {}, '', /can be/],
    [
      'a tool that no upstream runs',
      [],
      {},
      'upstream: {base_url: http://m, server_tools: [bash]}',
      /"bash" is/,
    ],
    [
      'an upstream without a scheme',
      [],
      { ANTHILL_UPSTREAM_BASE_URL: 'localhost:11434' },
      '',
      /not an http or https URL/,
    ],
  ];
  for (const [name, args, env, file, says] of mistakes) {
    test(`${name} is said in one sentence`, () => {
      yaml(file);
      assert.throws(
        () => read(args, env),
        (cause: unknown) => {
          assert.ok(cause instanceof ConfigMistake);
          assert.match(cause.message, says);
          return true;
        },
      );
    });
  }
});

describe('the upstream', () => {
  const key = 'sk-ant-real';
  const anthropic = 'https://api.anthropic.com';
  const generic = { profile: 'generic' };
  const cases: readonly (readonly [name: string, env: Environment, file: string, upstream: object | null])[] =
    [
      [
        'a key is enough for Anthropic',
        { ANTHROPIC_API_KEY: key },
        '',
        { baseUrl: anthropic, apiKey: key, profile: 'anthropic' },
      ],
      ['ANTHROPIC_BASE_URL alone is none', { ANTHROPIC_BASE_URL: 'http://127.0.0.1:4141' }, '', null],
      [
        'ANTHROPIC_BASE_URL never leads a key away',
        { ANTHROPIC_BASE_URL: 'http://127.0.0.1:4141', ANTHROPIC_API_KEY: key },
        '',
        { baseUrl: anthropic, apiKey: key, profile: 'anthropic' },
      ],
      [
        'a key for Anthropic goes to nobody else',
        { ANTHROPIC_API_KEY: key, ANTHILL_UPSTREAM_BASE_URL: 'http://127.0.0.1:11434' },
        '',
        { baseUrl: 'http://127.0.0.1:11434', apiKey: null, ...generic },
      ],
      [
        'nor to a name that only ends like it',
        { ANTHROPIC_API_KEY: key, ANTHILL_UPSTREAM_BASE_URL: 'https://not-anthropic.com' },
        '',
        { baseUrl: 'https://not-anthropic.com', apiKey: null, ...generic },
      ],
      [
        'a key of its own goes where it belongs',
        { ANTHROPIC_API_KEY: key, ANTHILL_UPSTREAM_BASE_URL: 'http://m', ANTHILL_UPSTREAM_API_KEY: 'own' },
        '',
        { baseUrl: 'http://m', apiKey: 'own', ...generic },
      ],
      [
        'the file says it all',
        { ANTHROPIC_API_KEY: key },
        'upstream: {base_url: http://m, api_key: filed, profile: anthropic}',
        { baseUrl: 'http://m', apiKey: 'filed', profile: 'anthropic' },
      ],
      [
        'the environment wins over the file',
        {
          ANTHILL_UPSTREAM_BASE_URL: 'http://e',
          ANTHILL_UPSTREAM_API_KEY: 'e',
          ANTHILL_UPSTREAM_PROFILE: 'anthropic',
        },
        'upstream: {base_url: http://m, api_key: filed}',
        { baseUrl: 'http://e', apiKey: 'e', profile: 'anthropic' },
      ],
      [
        'the operator says which web tools it runs',
        {},
        'upstream: {base_url: http://m, server_tools: [web_search]}',
        { baseUrl: 'http://m', apiKey: null, ...generic, serverTools: ['web_search'] },
      ],
    ];
  for (const [name, env, file, upstream] of cases) {
    test(name, () => {
      yaml(file);
      assert.deepEqual(read([], env).upstream, upstream && { serverTools: [], ...upstream });
    });
  }
});

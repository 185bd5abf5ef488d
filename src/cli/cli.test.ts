import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { runInProcess } from '../../test/support/cli-io.ts';
import type { Answer, Recorded, RecordingServer } from '../../test/support/recording-server.ts';
import { startRecordingServer } from '../../test/support/recording-server.ts';

let server: RecordingServer;
let answer: (request: Recorded) => Answer = () => ({ body: {} });
before(async () => {
  server = await startRecordingServer((request) => answer(request));
});
after(() => server.close());
afterEach(() => {
  server.requests.length = 0;
  answer = () => ({ body: {} });
});

const call = (...argv: string[]) => runInProcess([...argv, '--base-url', server.url, '--api-key', 'k']);
const last = () => server.requests.at(-1) ?? assert.fail('nothing was sent');

describe('a request', () => {
  test('has the headers of its route, the key and the body', async () => {
    answer = () => ({ body: { id: 'agent_1' } });
    const { code, stdout } = await call('beta:agents', 'create', '--name', 'a', '--model', 'm');
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(stdout), { id: 'agent_1' });
    const { method, url, headers, body } = last();
    assert.equal(`${method} ${url}`, 'POST /v1/agents?beta=true');
    assert.deepEqual(body, { name: 'a', model: 'm' });
    assert.equal(headers['x-api-key'], 'k');
    assert.equal(headers['anthropic-version'], '2023-06-01');
    assert.equal(headers['anthropic-beta'], 'managed-agents-2026-04-01');
    assert.equal(headers['content-type'], 'application/json');
  });

  test('without a body has none', async () => {
    await call('beta:sessions', 'archive', 'sesn_1');
    assert.equal(`${last().method} ${last().url}`, 'POST /v1/sessions/sesn_1/archive?beta=true');
    assert.equal(last().body, undefined);
    assert.equal(last().headers['content-type'], undefined);
  });

  test('takes --beta instead of its own value', async () => {
    await call('beta:sessions', 'retrieve', 'sesn_1', '--beta', 'a', '--beta', 'b');
    assert.equal(last().headers['anthropic-beta'], 'a,b');
  });

  test('of an id that contains a slash keeps it, any other is escaped', async () => {
    await call('models', 'retrieve', 'scripted/demo');
    assert.equal(last().url, '/v1/models/scripted/demo');
    await call('beta:sessions', 'retrieve', 'a/b?c');
    assert.equal(last().url, '/v1/sessions/a%2Fb%3Fc?beta=true');
  });

  test('is not sent without its ids and required fields', async () => {
    for (const argv of [
      ['beta:sessions', 'delete'],
      ['beta:sessions', 'delete', '--session-id', ''],
      ['beta:sessions', 'delete', ''],
      ['beta:agents', 'create', '--name', 'a'],
    ]) {
      const { code, stdout, stderr } = await call(...argv);
      assert.equal(code, 1);
      assert.equal(stdout, '');
      assert.match(stderr, /^error: --(session-id|model) is required/);
    }
    assert.deepEqual(server.requests, []);
  });

  test('with --debug is shown on standard error, without the key', async () => {
    const { stderr } = await call('beta:agents', 'create', '--name', 'a', '--model', 'm', '--debug');
    assert.match(stderr, /POST .*\/v1\/agents\?beta=true \{"name":"a","model":"m"\}\n200/);
    assert.ok(!stderr.includes('"k"'));
  });
});

describe('lists', () => {
  const pages = ({ url }: Recorded): Answer => ({
    body: url.includes('page=two')
      ? { data: [{ id: 3 }], next_page: null }
      : { data: [{ id: 1 }, { id: 2 }], next_page: 'two' },
  });

  test('go on page after page, one object a line', async () => {
    answer = pages;
    const { stdout } = await call('beta:agents', 'list', '--limit', '2');
    assert.equal(stdout, '{"id":1}\n{"id":2}\n{"id":3}\n');
    assert.match(last().url, /limit=2&page=two/);
  });

  test('of models go on after the last id', async () => {
    answer = ({ url }) => ({
      body: url.includes('after_id=b')
        ? { data: [{ id: 'c' }], has_more: false, last_id: 'c' }
        : { data: [{ id: 'a' }, { id: 'b' }], has_more: true, last_id: 'b' },
    });
    const { stdout } = await call('models', 'list', '--transform', 'id', '-r');
    assert.equal(stdout, 'a\nb\nc\n');
  });

  for (const [most, lines, requests] of [
    ['0', 0, 0],
    ['2', 2, 1],
    ['3', 3, 2],
    ['-1', 3, 2],
  ] as const) {
    test(`--max-items ${most} prints ${lines} and asks ${requests} times`, async () => {
      answer = pages;
      const { stdout } = await call('beta:agents', 'list', '--max-items', most);
      assert.equal(stdout.split('\n').length - 1, lines);
      assert.equal(server.requests.length, requests);
    });
  }

  test('--max-items must be a number', async () => {
    const { code, stderr } = await call('beta:agents', 'list', '--max-items', 'two');
    assert.equal(code, 1);
    assert.match(stderr, /--max-items: "two"/);
  });

  test('--format raw is the page as it came', async () => {
    answer = pages;
    const { stdout } = await call('beta:agents', 'list', '--format', 'raw');
    assert.deepEqual(JSON.parse(stdout), { data: [{ id: 1 }, { id: 2 }], next_page: 'two' });
    assert.equal(server.requests.length, 1);
  });
});

describe('streams', () => {
  const sse =
    'event: ping\ndata: {"type": "ping"}\n\nevent: a\ndata: {"type":"a"}\n\nevent: b\ndata: {"type":"b"}\n\n';

  test('print an event a line, without pings, until the server ends them', async () => {
    answer = () => ({ body: sse });
    const { code, stdout } = await call('beta:sessions:events', 'stream', 'sesn_1');
    assert.equal(code, 0);
    assert.equal(stdout, '{"type":"a"}\n{"type":"b"}\n');
  });

  test('are left after --max-items, even if they go on', async () => {
    answer = () => ({ body: sse, isOpen: true });
    const { code, stdout } = await call('beta:sessions:events', 'stream', 'sesn_1', '--max-items', '2');
    assert.equal(code, 0);
    assert.equal(stdout, '{"type":"a"}\n{"type":"b"}\n');
  });

  test('that end in an error say so', async () => {
    answer = () => ({
      body: `${sse}event: error\ndata: {"type":"error","error":{"message":"too slow"}}\n\n`,
    });
    const { code, stderr } = await call('beta:sessions:events', 'stream', 'sesn_1');
    assert.equal(code, 1);
    assert.equal(stderr, 'error: stream_error: too slow\n');
  });
});

describe('errors', () => {
  const refused = {
    type: 'error',
    error: { type: 'not_found_error', message: 'no such agent' },
    request_id: 'req_1',
  };

  test('of the server are one line on standard error, exit 1', async () => {
    answer = () => ({ status: 404, headers: { 'request-id': 'req_1' }, body: refused });
    const { code, stdout, stderr } = await call('beta:agents', 'retrieve', 'agent_1');
    assert.deepEqual([code, stdout], [1, '']);
    assert.equal(stderr, 'error: 404 not_found_error: no such agent (req_1)\n');
  });

  test('take --format-error and --transform-error', async () => {
    answer = () => ({ status: 404, body: refused });
    const shaped = ['--transform-error', 'error.message', '--format-error', 'yaml'];
    const { code, stdout, stderr } = await call('beta:agents', 'retrieve', 'agent_1', ...shaped);
    assert.deepEqual([code, stdout, stderr], [1, '', 'no such agent\n']);
  });

  test('of a server that is something else are no crash', async () => {
    answer = () => ({ body: '<html>' });
    const html = await call('beta:agents', 'retrieve', 'agent_1');
    assert.equal(html.code, 1);
    assert.match(html.stderr, /unexpected_answer: .* did not answer with JSON/);
    answer = () => ({ status: 502, body: 'Bad gateway' });
    const gateway = await call('beta:agents', 'list');
    assert.equal(gateway.stderr, 'error: 502 unexpected_answer: Bad gateway\n');
  });

  test('of a server that is not there say so', async () => {
    const gone = await startRecordingServer();
    await gone.close();
    const { code, stderr } = await runInProcess(['beta:agents', 'list', '--base-url', gone.url]);
    assert.equal(code, 1);
    assert.match(stderr, /connection_error: cannot reach .*: is the server running\?/);
  });

  const mistakes: readonly (readonly [argv: string[], says: RegExp])[] = [
    [['beta:agent', 'create'], /unknown resource "beta:agent"; did you mean "beta:agents"\?/],
    [['rnu', 'hello'], /unknown resource "rnu"; did you mean "run"\?/],
    [['beta:agents', 'creat'], /unknown action "creat"; did you mean "create"\?/],
    [['beta:agents', 'destroy'], /unknown action "destroy"; known are create, retrieve/],
    [['beta:agents', 'create', '--nmae', 'x'], /unknown flag --nmae; did you mean --name\?/],
    [['beta:agents', 'list', '--format', 'xml'], /--format: must be one of/],
    [['run'], /anthill run needs a text/],
    [['constructor'], /unknown resource "constructor"/],
    [['--nonsense'], /unknown flag --nonsense/],
  ];
  for (const [argv, says] of mistakes) {
    test(`anthill ${argv.join(' ')} is a mistake, exit 1`, async () => {
      const { code, stdout, stderr } = await runInProcess([...argv, '--base-url', server.url]);
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, says);
      assert.deepEqual(server.requests, []);
    });
  }
});

describe('keys', () => {
  const canary = 'sk-ant-canary';
  const data = mkdtempSync(join(tmpdir(), 'anthill-keys-'));
  after(() => rmSync(data, { recursive: true }));
  const useLocal = (url: string) =>
    writeFileSync(join(data, 'server.json'), JSON.stringify({ base_url: url, api_key: 'local-key' }), {
      mode: 0o600,
    });

  test('a real key in the shell never reaches the local server, in no header and no body', async () => {
    useLocal(server.url);
    const env = { ANTHILL_DATA: data, ANTHROPIC_API_KEY: canary, ANTHROPIC_AUTH_TOKEN: canary };
    const argv = ['beta:agents', 'create', '--name', 'a', '--model', 'm'];
    assert.equal((await runInProcess(argv, { env })).code, 0);
    assert.equal(last().headers['x-api-key'], 'local-key');
    assert.ok(!JSON.stringify(server.requests).includes(canary));
  });

  test('the local key never reaches another server', async () => {
    useLocal('http://127.0.0.1:9');
    const env = { ANTHILL_DATA: data, ANTHROPIC_BASE_URL: server.url };
    await runInProcess(['beta:agents', 'list'], { env });
    await runInProcess(['beta:agents', 'list', '--base-url', server.url], { env: { ANTHILL_DATA: data } });
    await runInProcess(['beta:agents', 'list'], { env: { ...env, ANTHROPIC_API_KEY: canary } });
    assert.deepEqual(
      server.requests.map(({ headers }) => headers['x-api-key']),
      [undefined, undefined, canary],
    );
    assert.ok(!JSON.stringify(server.requests).includes('local-key'));
  });

  test('a redirect does not take the key elsewhere', async () => {
    const thief = await startRecordingServer();
    try {
      answer = ({ url }) => ({ status: 307, headers: { location: `${thief.url}${url}` } });
      const { code, stderr } = await call('beta:agents', 'list');
      assert.equal(code, 1);
      assert.match(stderr, /redirects to .*, which is not followed/);
      assert.deepEqual(thief.requests, []);
    } finally {
      await thief.close();
    }
  });
});

describe('help', () => {
  const cases: readonly (readonly [argv: string[], says: RegExp])[] = [
    [[], /anthill up .*\n[\s\S]*beta:sessions:events/],
    [['--help'], /Usage[\s\S]*beta:agents /],
    [['-h'], /Usage/],
    [['help'], /Usage/],
    [['beta'], /anthill beta:agents create/],
    [['beta:sessions'], /anthill beta:sessions create[\s\S]*anthill beta:sessions:events send/],
    [['beta:sessions', '--help'], /anthill beta:sessions create/],
    [['help', 'beta:agents', 'create'], /--model TEXT\|YAML \(required\)/],
    [['beta:agents', 'create', '--help'], /--model TEXT\|YAML \(required\)/],
    [['beta:agents', 'create', '--name', 'x', '-h'], /--tool YAML/],
    [['run', '--help'], /Exit code: 0 end_turn/],
    [['--version'], /^1\.2\.3\n$/],
    [['-v'], /^1\.2\.3\n$/],
  ];
  for (const [argv, says] of cases) {
    test(`anthill ${argv.join(' ')}`, async () => {
      const { code, stdout, stderr } = await runInProcess(argv);
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, says);
    });
  }
});

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { runInProcess } from '../../test/support/cli-io.ts';
import type { Answer, Recorded, RecordingServer } from '../../test/support/recording-server.ts';
import { startRecordingServer } from '../../test/support/recording-server.ts';
import { shortCommands } from './short-commands.ts';
import { listOf, tableOf } from './table.ts';

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

/** What was typed, and what went over the wire. */
const sent: readonly (readonly [typed: string, request: string, body: unknown])[] = [
  ['keys create CI', 'POST /v1/organizations/api_keys', { name: 'CI' }],
  [
    'keys create CI --admin',
    'POST /v1/organizations/api_keys',
    { name: 'CI', scope: { type: 'organization' } },
  ],
  ['keys create CI --admin=false', 'POST /v1/organizations/api_keys', { name: 'CI' }],
  [
    'keys create --name CI --workspace-id wrkspc_1 --expires-at 2030-01-01T00:00:00Z',
    'POST /v1/organizations/api_keys',
    {
      name: 'CI',
      scope: { type: 'workspace', workspace_id: 'wrkspc_1' },
      expires_at: '2030-01-01T00:00:00Z',
    },
  ],
  ['keys list --status expired', 'GET /v1/organizations/api_keys?status=expired', undefined],
  ['keys rename apikey_1 New', 'POST /v1/organizations/api_keys/apikey_1', { name: 'New' }],
  ['keys rename --api-key-id apikey_1 New', 'POST /v1/organizations/api_keys/apikey_1', { name: 'New' }],
  ['keys disable apikey_1', 'POST /v1/organizations/api_keys/apikey_1', { status: 'inactive' }],
  ['keys enable apikey_1', 'POST /v1/organizations/api_keys/apikey_1', { status: 'active' }],
  ['keys archive apikey_1', 'POST /v1/organizations/api_keys/apikey_1', { status: 'archived' }],
  ['workspaces create Team', 'POST /v1/organizations/workspaces', { name: 'Team' }],
  ['workspaces list', 'GET /v1/organizations/workspaces?include_default=true', undefined],
  ['workspaces rename wrkspc_1 New', 'POST /v1/organizations/workspaces/wrkspc_1', { name: 'New' }],
  ['workspaces archive wrkspc_1', 'POST /v1/organizations/workspaces/wrkspc_1/archive', undefined],
  [
    'environment-keys create env_1 worker',
    'POST /v1/organizations/environments/env_1/keys',
    { name: 'worker' },
  ],
  ['environment-keys list env_1', 'GET /v1/organizations/environments/env_1/keys', undefined],
  [
    'environment-keys revoke env_1 envkey_1',
    'POST /v1/organizations/environments/env_1/keys/envkey_1/revoke',
    undefined,
  ],
  [
    'webhooks create https://example.com --event agent.created --event session.idled',
    'POST /v1/organizations/webhooks?beta=true',
    { url: 'https://example.com', enabled_events: ['agent.created', 'session.idled'] },
  ],
  ['webhooks list', 'GET /v1/organizations/webhooks?beta=true', undefined],
  [
    'webhooks update whep_1 --url https://b.example',
    'POST /v1/organizations/webhooks/whep_1?beta=true',
    { url: 'https://b.example' },
  ],
  ['webhooks disable whep_1', 'POST /v1/organizations/webhooks/whep_1?beta=true', { state: 'disabled' }],
  ['webhooks enable whep_1', 'POST /v1/organizations/webhooks/whep_1?beta=true', { state: 'enabled' }],
  [
    'webhooks new-secret whep_1',
    'POST /v1/organizations/webhooks/whep_1/regenerate_signing_secret?beta=true',
    undefined,
  ],
  ['webhooks delete whep_1', 'DELETE /v1/organizations/webhooks/whep_1?beta=true', undefined],
];

describe('a short command', () => {
  for (const [typed, request, body] of sent) {
    test(`is a request: ${typed}`, async () => {
      const { code, stderr } = await call(...typed.split(' '));
      assert.deepEqual([code, stderr.replace('nothing\n', '')], [0, '']);
      assert.deepEqual(
        server.requests.map(({ method, url, body: given }) => [`${method} ${url}`, given]),
        [[request, body]],
      );
    });
  }

  test('asks for the usage of the last days, as many as it is told', async () => {
    for (const [argv, days] of [
      [[], 7],
      [['--days', '1'], 1],
    ] as const) {
      await call('usage', 'report', ...argv);
      const { url } = server.requests.at(-1) ?? assert.fail('nothing was sent');
      const [first = ''] = new URL(url, server.url).searchParams.getAll('starting_at');
      const passed = (Date.now() - Date.parse(first)) / 86_400_000;
      assert.ok(passed >= days - 1 && passed < days - 0.99, first);
    }
    const { code, stderr } = await call('usage', 'report', '--days', 'many');
    assert.deepEqual([code, stderr], [1, 'error: --days: "many" is not a number of days\n']);
  });

  test('names the workspace that --workspace says', async () => {
    await call('webhooks', 'list', '--workspace', 'wrkspc_1');
    assert.equal(server.requests.at(-1)?.headers['anthropic-workspace-id'], 'wrkspc_1');
    await call('beta:agents', 'list', '--workspace=wrkspc_2');
    assert.equal(server.requests.at(-1)?.headers['anthropic-workspace-id'], 'wrkspc_2');
    await call('beta:agents', 'list');
    assert.equal(server.requests.at(-1)?.headers['anthropic-workspace-id'], undefined);
  });

  test('is not sent without what it needs, nor with more', async () => {
    for (const [typed, says] of [
      ['keys create', /^error: --name is required/],
      ['keys rename apikey_1', /^error: --name is required/],
      ['keys disable', /^error: --api-key-id is required/],
      ['keys disable a b', /^error: unexpected argument "b"/],
      ['keys lock a', /^error: unknown action "lock"; known are create, list/],
      ['keys create a --boss', /^error: unknown flag --boss/],
      ['key list', /^error: unknown resource "key"; did you mean "keys"\?/],
    ] as const) {
      const { stderr } = await call(...typed.split(' '));
      assert.match(stderr, says, typed);
    }
  });

  const keys = [
    { id: 'apikey_1', name: 'a long name', status: 'active', scope: { type: 'organization' } },
    {
      id: 'apikey_22',
      name: 'b\u001b[2J',
      status: 'expired',
      scope: { type: 'workspace', workspace_id: 'wrkspc_1' },
    },
  ];
  const page = { data: keys, has_more: false, first_id: 'apikey_1', last_id: 'apikey_22' };

  test('prints a list as a table, whatever it is printed to', async () => {
    answer = () => ({ body: page });
    const { stdout } = await call('keys', 'list');
    assert.deepEqual(stdout.split('\n'), [
      'ID         NAME         STATUS   SCOPE         WORKSPACE',
      'apikey_1   a long name  active   organization',
      'apikey_22  b[2J         expired  workspace     wrkspc_1',
      '',
    ]);
  });

  test('prints what the API answers with --json, --format and --transform', async () => {
    answer = () => ({ body: page });
    const lines = keys.map((key) => `${JSON.stringify(key)}\n`).join('');
    assert.equal((await call('keys', 'list', '--json')).stdout, lines);
    assert.equal((await call('keys', 'list', '--format', 'jsonl')).stdout, lines);
    assert.equal((await call('keys', 'list', '--transform', 'id', '-r')).stdout, 'apikey_1\napikey_22\n');
  });

  test('prints one answer as names and values, its secret first', async () => {
    answer = () => ({ body: { ...keys[0], secret: 'sk-anthill-x' } });
    const { stdout } = await call('keys', 'create', 'a');
    assert.match(stdout, /^secret +sk-anthill-x\nid +apikey_1\nname +a long name\n/);
  });

  test('goes on page after page', async () => {
    answer = ({ url }) => ({
      body: url.includes('after_id=apikey_1')
        ? { ...page, data: keys.slice(1) }
        : { ...page, data: keys.slice(0, 1), last_id: 'apikey_1', has_more: true },
    });
    assert.match((await call('keys', 'list')).stdout, /apikey_1 .*\napikey_22 /);
    assert.equal((await call('keys', 'list', '--max-items', '1')).stdout.includes('apikey_22'), false);
  });

  test('says so when there is nothing', async () => {
    answer = () => ({ body: { ...page, data: [] } });
    assert.deepEqual(await call('keys', 'list'), { code: 0, stdout: '', stderr: 'nothing\n' });
  });

  test('prints the rows of a report, not its buckets', async () => {
    const results = [
      { model: 'a', requests: 1, list_cost: { amount: '0.5' } },
      { model: 'b', requests: 12, list_cost: { amount: '7' } },
    ];
    answer = () => ({
      body: {
        data: [
          { starting_at: 'T0', results },
          { starting_at: 'T1', results: [] },
        ],
      },
    });
    const { stdout } = await call('usage', 'report', '--group-by', 'model');
    assert.deepEqual(stdout.split('\n'), [
      'STARTING_AT  MODEL  REQUESTS  CENTS',
      'T0           a      1         0.5',
      'T0           b      12        7',
      '',
    ]);
  });

  test('is explained like every other', async () => {
    const general = await call('--help');
    for (const { resource, action } of shortCommands()) {
      assert.match(general.stdout, new RegExp(`^  ${resource} .*\\b${action}\\b`, 'm'));
      const { code, stdout } = await call(resource, action, '--help');
      assert.equal(code, 0);
      assert.match(stdout, new RegExp(`^anthill ${resource} ${action}`));
    }
    assert.match(
      (await call('keys', 'rename', '--help')).stdout,
      /^anthill keys rename API_KEY_ID NAME: Rename/,
    );
  });
});

test('no two commands have one name', () => {
  const names = shortCommands().map(({ resource, action }) => `${resource} ${action}`);
  assert.equal(new Set(names).size, names.length);
});

test('a table of nothing it knows is empty, and a value of several lines takes one', () => {
  const plain = (_: string, text: string) => text;
  assert.equal(tableOf([{ a: 1 }], ['b'], plain), '\n');
  assert.equal(
    listOf({ a: 'x\ny', b: null, c: ['p', 'q'], d: false }, ['a', 'b', 'c', 'd'], plain),
    'a  x y\nc  p, q\nd  false',
  );
});

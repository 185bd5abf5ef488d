import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { runInProcess } from '../../test/support/cli-io.ts';
import type { Recorded, RecordingServer } from '../../test/support/recording-server.ts';
import { startRecordingServer } from '../../test/support/recording-server.ts';

let server: RecordingServer;
const said = { type: 'user.message', id: 'sevt_said', content: [] };
const turnStart = [{ type: 'session.status_running' }, said];
/** What the stream of the session says. */
let events: readonly unknown[] = [];
before(async () => {
  server = await startRecordingServer(({ method, url }) => {
    if (url.includes('sesn_broken/events/stream')) return { body: 'event: error\ndata: {}\n\n' };
    if (url.includes('/stream'))
      return {
        body: [...turnStart, ...events]
          .map((event) => `event: x\ndata: ${JSON.stringify(event)}\n\n`)
          .join(''),
        isOpen: true,
      };
    if (url.startsWith('/v1/agents')) return { body: { id: 'agent_1' } };
    if (url.startsWith('/v1/environments')) return { body: { id: 'env_1' } };
    if (url.includes('/events')) return { body: { data: [said] } };
    return { body: method === 'GET' ? { id: 'sesn_1', status: 'idle' } : { id: 'sesn_1' } };
  });
});
after(() => server.close());
afterEach(() => {
  server.requests.length = 0;
});

const run = (...argv: string[]) => runInProcess(['run', ...argv, '--base-url', server.url]);
const asked = () =>
  server.requests.map(({ method, url }: Recorded) => `${method} ${url.replace('?beta=true', '')}`);
const idle = (type: string, more: object = {}) => ({
  type: 'session.status_idle',
  stop_reason: { type, ...more },
});
const message = { type: 'agent.message', content: [{ type: 'text', text: 'Here you are.' }] };
const toolUse = { type: 'agent.tool_use', id: 'sevt_1', name: 'bash', input: { command: 'ls' } };

describe('anthill run', () => {
  test('makes what it needs, opens the stream, then sends, and archives everything at the end', async () => {
    events = [{ type: 'session.status_running' }, toolUse, message, idle('end_turn')];
    const { code, stdout, stderr } = await run('List the files.', '--system', 'Be kind.');
    assert.equal(code, 0);
    assert.equal(stdout, 'Here you are.\n');
    assert.equal(stderr, '→ bash {"command":"ls"}\n');
    assert.deepEqual(asked(), [
      'POST /v1/agents',
      'POST /v1/environments',
      'POST /v1/sessions',
      'GET /v1/sessions/sesn_1/events/stream',
      'POST /v1/sessions/sesn_1/events',
      'GET /v1/sessions/sesn_1',
      'POST /v1/sessions/sesn_1/archive',
      'POST /v1/environments/env_1/archive',
      'POST /v1/agents/agent_1/archive',
    ]);
    const [agent, , session, , sent] = server.requests;
    assert.deepEqual(agent?.body, {
      name: 'anthill run',
      model: 'scripted/demo',
      system: 'Be kind.',
      tools: [{ type: 'agent_toolset_20260401' }],
    });
    assert.deepEqual(session?.body, { agent: 'agent_1', environment_id: 'env_1' });
    assert.deepEqual(sent?.body, {
      events: [{ type: 'user.message', content: [{ type: 'text', text: 'List the files.' }] }],
    });
  });

  for (const [reason, expected] of [
    ['end_turn', 0],
    ['requires_action', 2],
    ['retries_exhausted', 3],
    ['budget_reached', 4],
    ['refusal', 5],
    ['something_new', 1],
  ] as const) {
    test(`a stop by ${reason} is exit code ${expected}`, async () => {
      events = [idle(reason)];
      assert.equal((await run('hello')).code, expected);
    });
  }

  test('a terminated session is exit code 1', async () => {
    events = [{ type: 'session.status_terminated' }];
    assert.equal((await run('hello')).code, 1);
  });

  test('a session that waits for an action is kept, so that it can be answered', async () => {
    events = [idle('requires_action', { event_ids: ['sevt_1'] })];
    const { stderr } = await run('hello');
    assert.equal(stderr, 'session sesn_1\n');
    assert.ok(!asked().some((request) => request.endsWith('/archive')));
  });

  test('--yes allows what asks for permission and goes on', async () => {
    const ask = { ...toolUse, evaluated_permission: 'ask' };
    events = [ask, idle('requires_action', { event_ids: ['sevt_1'] }), message, idle('end_turn')];
    const { code, stdout } = await run('hello', '--yes');
    assert.deepEqual([code, stdout], [0, 'Here you are.\n']);
    assert.deepEqual(
      server.requests.find(({ body }) => JSON.stringify(body)?.includes('confirmation'))?.body,
      {
        events: [{ type: 'user.tool_confirmation', tool_use_id: 'sevt_1', result: 'allow' }],
      },
    );
  });

  test('--yes answers all that is asked at once', async () => {
    const asks = ['sevt_1', 'sevt_2'].map((id) => ({ ...toolUse, id, evaluated_permission: 'ask' }));
    const waiting = idle('requires_action', { event_ids: ['sevt_1', 'sevt_2'] });
    events = [...asks, waiting, message, idle('end_turn')];
    assert.equal((await run('hello', '--yes')).code, 0);
    const answers = server.requests.filter(({ body }) => JSON.stringify(body)?.includes('confirmation'));
    assert.deepEqual(
      answers.map(({ body }) =>
        (body as { events: { tool_use_id: string }[] }).events.map((one) => one.tool_use_id),
      ),
      [['sevt_1', 'sevt_2']],
    );
  });

  test('what an earlier turn still says is not taken for the answer', async () => {
    events = [message, idle('end_turn')];
    turnStart.unshift({ type: 'agent.message' }, idle('refusal'));
    const { code, stdout } = await run('hello').finally(() => turnStart.splice(0, 2));
    assert.deepEqual([code, stdout], [0, 'Here you are.\n']);
  });

  test('an error leaves the session and says which', async () => {
    events = [];
    const { code, stderr } = await run('fail', '--session-id', 'sesn_broken');
    assert.equal(code, 1);
    assert.match(stderr, /^session sesn_broken\nerror: /);
  });

  test('--yes does not answer for a custom tool', async () => {
    events = [
      { ...toolUse, type: 'agent.custom_tool_use' },
      idle('requires_action', { event_ids: ['sevt_1'] }),
    ];
    assert.equal((await run('hello', '--yes')).code, 2);
  });

  test('--agent, --environment-id and --session-id use what is there and leave it', async () => {
    events = [idle('end_turn')];
    await run('hello', '--agent', 'agent_9', '--environment-id', 'env_9');
    assert.deepEqual(server.requests[0]?.body, { agent: 'agent_9', environment_id: 'env_9' });
    assert.deepEqual(
      asked().filter((request) => request.endsWith('/archive')),
      ['POST /v1/sessions/sesn_1/archive'],
    );
    server.requests.length = 0;
    await run('hello', '--session-id', 'sesn_9');
    assert.deepEqual(asked(), ['GET /v1/sessions/sesn_9/events/stream', 'POST /v1/sessions/sesn_9/events']);
  });

  test('--json prints every event, --keep archives nothing', async () => {
    events = [message, idle('end_turn')];
    const { stdout, stderr } = await run('hello', '--json', '--keep');
    assert.deepEqual(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
      [...turnStart, ...events],
    );
    assert.equal(stderr, 'session sesn_1\n');
    assert.ok(!asked().some((request) => request.endsWith('/archive')));
  });

  test('an error of the session is said on standard error', async () => {
    events = [
      { type: 'session.error', error: { message: 'the model is overloaded' } },
      idle('retries_exhausted'),
    ];
    assert.equal((await run('hello')).stderr, '! the model is overloaded\n');
  });
});

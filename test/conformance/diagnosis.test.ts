import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runInProcess } from '../support/cli-io.ts';
import { diagnosisOf } from '../support/server-diagnosis.ts';
import {
  askFirst,
  atRest,
  collect,
  isIdle,
  message,
  openSession,
  say,
  send,
  weather,
} from '../support/server-sessions.ts';
import { describeServer } from '../support/server-suite.ts';

const scenarios = {
  asks: 'rules:\n  - reply: [{ tool: weather, input: { city: Paris } }]\n',
  fails: 'rules:\n  - fail: { status: 529 }\n',
  sleeps: "rules:\n  - reply: [{ tool: bash, input: { command: 'sleep 60' } }]\n",
};

describeServer({ name: 'what a session waits for', scenarios }, (suite) => {
  const waits = async (id: string) => (await diagnosisOf(suite.client, id)).waiting_for;
  const kinds = async (id: string) =>
    (await waits(id)).map(({ kind, released_by }) => `${kind} ${released_by}`);
  const until = async (id: string, kind: string) => {
    while ((await waits(id))[0]?.kind !== kind) await new Promise((go) => setTimeout(go, 20));
  };
  const cli = (...argv: string[]) =>
    runInProcess([...argv, '--base-url', suite.server.baseUrl, '--api-key', suite.server.apiKey]);

  test('for a message when it is at rest, for nothing when it has ended', async () => {
    const session = await openSession(suite.client);
    const found = await diagnosisOf(suite.client, session.id);
    assert.deepEqual([found.session_id, found.status], [session.id, 'idle']);
    assert.deepEqual(await kinds(session.id), ['message client']);
    await suite.client.beta.sessions.archive(session.id);
    assert.deepEqual(await kinds(session.id), []);
    await assert.rejects(diagnosisOf(suite.client, 'sesn_none'), { status: 404 });
  });

  test('for an answer of the client, and which', async () => {
    const permitted = await openSession(suite.client, { tools: [askFirst] });
    const asked = await say(suite.client, permitted.id, 'ask me for permission');
    const use = asked.find(({ type }) => type === 'agent.tool_use');
    const [wait] = await waits(permitted.id);
    assert.equal(wait?.kind, 'tool_confirmation');
    assert.equal(wait?.event_id, use && 'id' in use ? use.id : null);
    assert.match(wait?.description ?? '', /permission to run bash/);
    const custom = await openSession(suite.client, { model: 'scripted/asks', tools: [weather] });
    await say(suite.client, custom.id, 'go');
    assert.deepEqual(await kinds(custom.id), ['custom_tool_result client']);
  });

  test('for the provider when it fails, and until when', async () => {
    const session = await openSession(suite.client, { model: 'scripted/fails' });
    await send(suite.client, session.id, message('go'));
    await until(session.id, 'retry');
    const [wait] = await waits(session.id);
    assert.ok(wait?.until && wait.until > wait.since);
    assert.equal(wait.released_by, 'provider');
    await cli('sessions', 'kill', session.id, '--archive');
  });

  test('for a tool; and kill ends it', async () => {
    const session = await openSession(suite.client, { model: 'scripted/sleeps' });
    const other = await openSession(suite.client);
    const ended = await collect(
      suite.client,
      session.id,
      async () => {
        await send(suite.client, session.id, message('go'));
        await until(session.id, 'tool');
        const shown = await cli('sessions', 'diagnose', session.id);
        assert.match(shown.stdout, /running +tool +bash runs/);
        const killed = await cli('sessions', 'kill', '--all');
        assert.deepEqual([killed.code, killed.stdout], [0, `${session.id} interrupted\n`]);
      },
      isIdle,
    );
    assert.ok(ended.some(({ type }) => type === 'user.interrupt'));
    assert.equal((await atRest(suite.client, other.id)).status, 'idle');
    const archived = await cli('sessions', 'kill', '--agent', session.agent.id, '--archive');
    assert.equal(archived.stdout, `${session.id} archived\n`);
    assert.equal((await suite.client.beta.sessions.retrieve(session.id)).status, 'terminated');
  });

  test('kill says which sessions it could not stop, and needs to know which', async () => {
    const { code, stderr } = await cli('sessions', 'kill', 'sesn_none');
    assert.equal(code, 1);
    assert.match(stderr, /sesn_none .*not found/i);
    assert.match((await cli('sessions', 'kill')).stderr, /say which sessions/);
    assert.match((await cli('sessions', 'kill', 'sesn_1', '--all')).stderr, /say which sessions/);
  });
});

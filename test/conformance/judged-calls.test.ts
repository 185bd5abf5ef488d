import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertRefused, call } from '../support/server-http.ts';
import { collect, listAll, openSession, say, send } from '../support/server-sessions.ts';
import { describeServer } from '../support/server-suite.ts';

const scenarios = {
  judge: `rules:
  - when: { user: '"input":"[^}]*rm -rf' }
    reply: [{ text: DENY }]
  - when: { user: '"input":"[^}]*curl' }
    reply: [{ text: Hm. }]
  - reply: [{ text: ALLOW }]
`,
};
const judged = {
  type: 'agent_toolset_20260401',
  default_config: { permission_policy: { type: 'auto' } },
} as const;

const env = { ANTHILL_JUDGE_MODEL: 'scripted/judge' };

describeServer({ name: 'tool calls whose policy is auto', scenarios, env }, ({ server }) => {
  const open = () => openSession(server.client, { tools: [judged] });
  const usesOf = async (id: string) =>
    (await listAll(server.client, id)).filter((event) => event.type === 'agent.tool_use');

  test('run when they are judged safe', async () => {
    const session = await open();
    await say(server.client, session.id, 'run `echo safe`');
    const [use] = await usesOf(session.id);
    assert.equal(use?.evaluated_permission, 'allow');
    assert.deepEqual(use?.evaluation, { type: 'auto', evaluated_permission: { type: 'allow' } });
    assert.match(JSON.stringify(await listAll(server.client, session.id)), /"text":"safe/);
  });

  test('are answered with an error when they are high-risk; the turn goes on and nobody can allow them', async () => {
    const session = await open();
    await say(server.client, session.id, 'run `rm -rf /workspace`');
    const [use] = await usesOf(session.id);
    assert.deepEqual(use?.evaluation, {
      type: 'auto',
      evaluated_permission: { type: 'deny', reason_code: 'high_risk' },
    });
    const events = await listAll(server.client, session.id);
    const result = events.find((event) => event.type === 'agent.tool_result');
    assert.ok(result?.type === 'agent.tool_result' && result.is_error);
    assert.deepEqual(result.content, [{ type: 'text', text: 'Permission to use bash has been denied.' }]);
    const last = events.at(-1);
    assert.ok(last?.type === 'session.status_idle' && last.stop_reason.type === 'end_turn');
    const reply = await call(server, {
      path: `/v1/sessions/${session.id}/events`,
      body: { events: [{ type: 'user.tool_confirmation', tool_use_id: use?.id, result: 'allow' }] },
    });
    assertRefused(reply, {
      status: 400,
      type: 'invalid_request_error',
      message: /no tool use .* is waiting/,
    });
  });

  test('wait for the client when there is no judgement', async () => {
    const session = await open();
    await say(server.client, session.id, 'run `echo curl`');
    const [use] = await usesOf(session.id);
    assert.deepEqual(use?.evaluation, {
      type: 'auto',
      evaluated_permission: { type: 'ask', reason_code: 'indeterminate' },
    });
    await collect(server.client, session.id, () =>
      send(server.client, session.id, {
        type: 'user.tool_confirmation',
        tool_use_id: use?.id ?? '',
        result: 'allow',
      }),
    );
    assert.match(JSON.stringify(await listAll(server.client, session.id)), /"text":"curl/);
  });
});

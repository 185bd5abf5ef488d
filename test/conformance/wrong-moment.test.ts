import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Expected, Sent } from '../support/server-http.ts';
import { call } from '../support/server-http.ts';
import { eventually, processesWith } from '../support/server-processes.ts';
import { assertNothingDone, bad } from '../support/server-refusals.ts';
import type { Session } from '../support/server-sessions.ts';
import {
  askFirst,
  atRest,
  collect,
  message,
  openSession,
  say,
  send,
  weather,
} from '../support/server-sessions.ts';
import { describeServer } from '../support/server-suite.ts';

describeServer('a good request at the wrong moment is refused and changes nothing', ({ server, client }) => {
  const refused = (session: Session, sent: Sent, expected: Expected) =>
    assertNothingDone(server, session, { sent, expected });

  test('while a turn runs, only its agent, archive and delete must wait', async () => {
    const session = await openSession(client);
    const marker = `86400.${process.pid}3`;
    const path = `/v1/sessions/${session.id}`;
    await send(client, session.id, message(`run \`sleep ${marker}\``));
    await eventually(() => processesWith(`sleep\0${marker}`).length === 1, 'a sleeping process');
    const busy = (verb: string) =>
      bad(
        `Session ${session.id} is running and cannot be ${verb}; send a user.interrupt on its own and wait until it is idle`,
      );
    await refused(session, { method: 'POST', path: `${path}/archive` }, busy('archived'));
    await refused(session, { method: 'DELETE', path }, busy('deleted'));
    await refused(
      session,
      { path, body: { title: 'both or none', agent: { tools: [] } } },
      bad('agent can only be updated while the session is idle; it is running'),
    );
    assert.equal((await client.beta.sessions.update(session.id, { title: 'Busy' })).title, 'Busy');
    await collect(client, session.id, () => send(client, session.id, { type: 'user.interrupt' }));
    assert.equal((await client.beta.sessions.archive(session.id)).status, 'terminated');
  });

  test('an archived session takes no event and no change', async () => {
    const session = await openSession(client);
    await client.beta.sessions.archive(session.id);
    const path = `/v1/sessions/${session.id}`;
    const events = [
      message('hello'),
      { type: 'user.interrupt' },
      { type: 'user.tool_confirmation', tool_use_id: 'sevt_1', result: 'allow' },
      { type: 'user.custom_tool_result', custom_tool_use_id: 'sevt_1' },
    ];
    for (const event of events) {
      await refused(
        session,
        { path: `${path}/events`, body: { events: [event] } },
        bad(/^events\[0\]: .*archived \(and read-only\)/),
      );
    }
    for (const body of [{ title: 'x' }, { metadata: { a: 'b' } }, { agent: { tools: [] } }]) {
      await refused(session, { path, body }, bad(/archived \(and read-only\)/));
    }
  });

  test('a session that waits for answers takes those answers and nothing else', async () => {
    const session = await openSession(client, { tools: [askFirst] });
    const asked = await say(client, session.id, 'run `echo hello`');
    const id = asked.find((event) => event.type === 'agent.tool_use')?.id ?? '';
    const path = `/v1/sessions/${session.id}/events`;
    const answer = { type: 'user.tool_confirmation', tool_use_id: id, result: 'allow' };
    await refused(
      session,
      { path, body: { events: [message('hello')] } },
      bad(
        `events[0]: the session is waiting for an answer to ${id}; it accepts only user.tool_confirmation, user.custom_tool_result, user.tool_result, user.interrupt`,
      ),
    );
    await refused(
      session,
      { path, body: { events: [{ type: 'user.custom_tool_result', custom_tool_use_id: id }] } },
      bad(`events[0].custom_tool_use_id: ${id} is not a custom tool use`),
    );
    await refused(
      session,
      { path, body: { events: [answer, answer] } },
      bad(`events[1].tool_use_id: ${id} is not waiting for an answer`),
    );
    const both = { events: [answer, message('and hello')] };
    assert.equal((await call(server, { path, body: both })).status, 200);
    await atRest(client, session.id);
    await refused(session, { path, body: { events: [answer] } }, bad(/^events\[0\]\.tool_use_id: /));
  });

  test('a custom call is not confirmed but answered', async () => {
    const session = await openSession(client, { tools: [weather] });
    const asked = await say(client, session.id, 'use the weather tool with {}');
    const id = asked.find((event) => event.type === 'agent.custom_tool_use')?.id ?? '';
    await refused(
      session,
      {
        path: `/v1/sessions/${session.id}/events`,
        body: { events: [{ type: 'user.tool_confirmation', tool_use_id: id, result: 'allow' }] },
      },
      bad(`events[0].tool_use_id: ${id} is a custom tool use; answer it with user.custom_tool_result`),
    );
  });

  test('an archived agent is neither changed nor used again; its sessions go on', async () => {
    const session = await openSession(client);
    const { id } = session.agent;
    const archived = await client.beta.agents.archive(id);
    assert.equal((await client.beta.agents.archive(id)).archived_at, archived.archived_at);
    await refused(
      session,
      { path: `/v1/agents/${id}`, body: { name: 'x' } },
      bad(`cannot modify archived agent ${id}`),
    );
    const again = { agent: { type: 'agent', id, version: 1 }, environment_id: session.environment_id };
    await refused(
      session,
      { path: '/v1/sessions', body: again },
      bad(`Agent ${id} is archived and cannot be used in new sessions`),
    );
    await say(client, session.id, 'hello');
  });

  test('a stale version is a conflict that may be tried again', async () => {
    const session = await openSession(client);
    const { id } = session.agent;
    await client.beta.agents.update(id, { version: 1, name: 'Second' });
    await refused(
      session,
      { path: `/v1/agents/${id}`, body: { version: 1, name: 'Third' } },
      {
        status: 409,
        type: 'conflict_error',
        message: 'version 1 is not the current version 2; fetch the latest version and retry',
        canRetry: true,
      },
    );
  });

  test('an archived environment is neither changed nor used again', async () => {
    const session = await openSession(client);
    const id = session.environment_id;
    await client.beta.environments.archive(id);
    const expected = bad(`Environment ${id} is archived.`, 'environment_archived');
    await refused(session, { path: `/v1/environments/${id}`, body: { name: 'x' } }, expected);
    await refused(
      session,
      { path: '/v1/sessions', body: { agent: session.agent.id, environment_id: id } },
      expected,
    );
  });

  test('a name of an environment is given once', async () => {
    const session = await openSession(client);
    const { name } = await client.beta.environments.retrieve(session.environment_id);
    await refused(
      session,
      { path: '/v1/environments', body: { name } },
      {
        status: 409,
        type: 'conflict_error',
        message: new RegExp(name),
      },
    );
  });
});

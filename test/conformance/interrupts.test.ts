import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, processesWith } from '../support/server-processes.ts';
import type { StreamedEvent } from '../support/server-sessions.ts';
import {
  askFirst,
  atRest,
  collect,
  interrupt,
  isIdle,
  listAll,
  message,
  openSession,
  say,
  send,
  spoken,
} from '../support/server-sessions.ts';
import { describeServer } from '../support/server-suite.ts';

describeServer('interrupts over HTTP', ({ client }) => {
  test('a running command is gone with all it started by the time the session is idle', async () => {
    const session = await openSession(client);
    // An argument of `sleep` that no other process has.
    const marker = `86400.${process.pid}1`;
    const tree = `sleep ${marker} & (setsid sleep ${marker} &) ; bash -c 'trap "" TERM INT; sleep ${marker}; :'`;
    let alive: readonly number[] = [];
    const events = await collect(
      client,
      session.id,
      async () => {
        await send(client, session.id, message(`run \`${tree}\``));
        await eventually(() => sleeping(marker) === 3, 'three sleeping processes');
        await send(client, session.id, interrupt);
      },
      (event) => {
        if (isIdle(event)) alive = processesWith(marker);
        return isIdle(event);
      },
    );
    assert.deepEqual(alive, []);
    const result = events.find((event) => event.type === 'agent.tool_result');
    assert.equal(result?.is_error, true);
    assert.match(JSON.stringify(result.content), /interrupted before completion/);
    assert.deepEqual(
      events.slice(-5).map(({ type }) => type),
      [
        'agent.tool_result',
        'user.interrupt',
        'session.thread_status_idle',
        'session.usage',
        'session.status_idle',
      ],
    );
    assert.match(spoken(await say(client, session.id, 'run `echo alive`')), /printed:\s+alive/);
  });

  test('a reply that is being streamed stops, and nothing of it is kept', async () => {
    const session = await openSession(client);
    let interrupted: Promise<unknown> | null = null;
    const events = await collect(
      client,
      session.id,
      () => send(client, session.id, message('go slowly')),
      (event) => {
        if (event.type === 'event_delta') interrupted ??= send(client, session.id, interrupt);
        return isIdle(event);
      },
      { event_deltas: ['agent.message'] },
    );
    await interrupted;
    const stored = await listAll(client, session.id);
    assert.equal(
      events.some(({ type }) => type === 'agent.message'),
      false,
    );
    const end = stored.find((event) => event.type === 'span.model_request_end');
    assert.equal(end?.is_error, true);
    const last = events.at(-1);
    assert.deepEqual(last?.type === 'session.status_idle' && last.stop_reason, { type: 'end_turn' });
    // The model still has its first request before it, unanswered.
    assert.match(spoken(await say(client, session.id, 'hello')), /One word after the other/);
  });

  test('messages that queued behind the interrupted turn start the next one', async () => {
    const session = await openSession(client);
    const marker = `86400.${process.pid}2`;
    await send(client, session.id, message(`run \`sleep ${marker}\``));
    await eventually(() => sleeping(marker) === 1, 'a sleeping process');
    await send(client, session.id, message('hello'));
    await send(client, session.id, interrupt);
    await atRest(client, session.id);
    const events = await listAll(client, session.id);
    assert.match(spoken(events), /Hello!/);
    assert.equal(events.filter(({ type }) => type === 'user.message').length, 2);
    assert.ok(
      events.findIndex(({ type }) => type === 'user.interrupt') <
        events.findLastIndex(({ type }) => type === 'user.message'),
    );
    assert.deepEqual(processesWith(marker), []);
  });

  test('a question that waits for the client is closed', async () => {
    const session = await openSession(client, { tools: [askFirst] });
    await say(client, session.id, 'run `echo hello`');
    const events: StreamedEvent[] = await collect(client, session.id, () =>
      send(client, session.id, interrupt),
    );
    assert.deepEqual(
      events.map(({ type }) => type),
      [
        'agent.tool_result',
        'user.interrupt',
        'session.thread_status_idle',
        'session.usage',
        'session.status_idle',
      ],
    );
    assert.match(spoken(await say(client, session.id, 'hello')), /Hello!/);
  });

  test('an idle session does not mind', async () => {
    const session = await openSession(client);
    await send(client, session.id, interrupt);
    const events = await listAll(client, session.id);
    assert.deepEqual(
      events.map(({ type }) => type),
      ['user.interrupt'],
    );
    assert.equal((await client.beta.sessions.retrieve(session.id)).status, 'idle');
  });
});

/** How many `sleep` processes have the marker: shells that mention it do not count. */
function sleeping(marker: string): number {
  return processesWith(`sleep\0${marker}`).length;
}

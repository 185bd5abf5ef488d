import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { ServerHome, ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { eventually, processesWith } from '../support/server-processes.ts';
import type { ListedEvent, Session } from '../support/server-sessions.ts';
import {
  atRest,
  collect,
  listAll,
  message,
  openSession,
  say,
  send,
  spoken,
  toolset,
} from '../support/server-sessions.ts';

const scenarios = {
  slow: `
rules:
  - reply: [{ text: 'One word after the other, until all of them are said and nothing is left to say.' }]
    chunk_delay_ms: 60
`,
};
const askFirst = { ...toolset, default_config: { permission_policy: { type: 'always_ask' } } } as const;
const unknownOutcome = /its outcome is unknown/;

describe('kill -9 of the server, and a new start on the same data', () => {
  let home: ServerHome;
  let server: ServerProcess;
  beforeEach(async () => {
    home = serverHome(scenarios);
    server = await home.start();
  });
  afterEach(() => home.remove());

  async function crash(): Promise<void> {
    await server.kill();
    server = await home.start();
  }

  test('in the middle of a reply: the request is cut in the log and asked again', async () => {
    const session = await openSession(server.client, { model: 'scripted/slow' });
    const accepted = await firstWord(session);
    await crash();
    assert.equal((await atRest(server.client, session.id)).status, 'idle');
    const events = await listAll(server.client, session.id);
    assertOnce(events, accepted);
    assert.match(
      spoken(events),
      /^One word after the other, until all of them are said and nothing is left to say\.$/,
    );
    const ends = events.flatMap((event) => (event.type === 'span.model_request_end' ? [event.is_error] : []));
    assert.deepEqual(ends, [true, false]);
  });

  /** Says hello and waits for the first word of the reply; the stream is open before, or it would get no previews. */
  async function firstWord({ id }: Session): Promise<readonly Identified[]> {
    let accepted: readonly Identified[] = [];
    await collect(
      server.client,
      id,
      async () => {
        accepted = (await send(server.client, id, message('hello'))).data ?? [];
      },
      (event) => event.type === 'event_delta',
      { event_deltas: ['agent.message'] },
    );
    return accepted;
  }

  test('in the middle of a command: it is gone with the server, and never run again', async () => {
    const session = await openSession(server.client);
    const marker = `86400.${process.pid}4`;
    const command = `run \`echo ran >> log.txt; (setsid sleep ${marker} &); sleep ${marker}\``;
    const { data } = await send(server.client, session.id, message(command));
    await eventually(() => processesWith(`sleep\0${marker}`).length === 2, 'two sleeping processes');
    await server.kill();
    await eventually(() => processesWith(marker).length === 0, 'no process of a dead server');
    server = await home.start();
    await atRest(server.client, session.id);
    const events = await listAll(server.client, session.id);
    assertOnce(events, data);
    const results = events.filter((event) => event.type === 'agent.tool_result');
    assert.equal(results.length, 1);
    assert.equal(results[0]?.is_error, true);
    assert.match(JSON.stringify(results[0]?.content), unknownOutcome);
    assert.match(spoken(await say(server.client, session.id, 'run `wc -l log.txt`')), /^1 log\.txt$/m);
  });

  test('while it waits for the client: it still waits, and goes on with the answer', async () => {
    const session = await openSession(server.client, { tools: [askFirst] });
    const asked = await say(server.client, session.id, 'run `echo hello`');
    const id = asked.find((event) => event.type === 'agent.tool_use')?.id ?? '';
    await crash();
    assert.deepEqual(await listAll(server.client, session.id), asked);
    const allow = { type: 'user.tool_confirmation', tool_use_id: id, result: 'allow' } as const;
    const events = await collect(server.client, session.id, () => send(server.client, session.id, allow));
    assert.match(spoken(events), /printed:\s+hello/);
  });

  test('a stream picks up after the crash where it was cut', async () => {
    const session = await openSession(server.client, { model: 'scripted/slow' });
    await firstWord(session);
    const [first] = await listAll(server.client, session.id);
    await crash();
    await atRest(server.client, session.id);
    const headers = { 'last-event-id': first?.id ?? '' };
    const stream = await server.client.beta.sessions.events.stream(session.id, undefined, { headers });
    const rest: unknown[] = [];
    for await (const event of stream) {
      rest.push(event);
      if (event.type === 'session.status_idle') break;
    }
    assert.deepEqual(rest, (await listAll(server.client, session.id)).slice(1));
  });

  test('twenty sessions at once, twice: every accepted event once, all come to rest, no orphans', async () => {
    const marker = `0.7${process.pid}`;
    const kinds = [
      { params: { model: 'scripted/slow' }, text: 'hello' },
      { params: {}, text: `run \`echo ran >> log.txt; sleep ${marker}\`` },
      { params: {}, text: 'write "crumbs" to pantry.txt and read it' },
      { params: { tools: [askFirst] }, text: 'run `echo hello`' },
    ];
    const sessions = await Promise.all(
      Array.from({ length: 20 }, (_, at) => openSession(server.client, kinds[at % kinds.length]?.params)),
    );
    const accepted = new Map(sessions.map(({ id }) => [id, [] as Identified[]]));
    // Three times in the same reply would be poison (faults/poison).
    for (let round = 0; round < 2; round++) {
      const { client } = server;
      await Promise.all(
        sessions.map(async ({ id }, at) => {
          // A session that waits for its client refuses the second message; the others queue it.
          const { status } = await client.beta.sessions.retrieve(id);
          if (round > 0 && status === 'idle' && at % kinds.length === 3) return;
          const { data } = await send(client, id, message(kinds[at % kinds.length]?.text ?? ''));
          accepted.get(id)?.push(...(data ?? []));
        }),
      );
      await eventually(() => processesWith(`sleep\0${marker}`).length > 0, 'a command at work');
      await crash();
    }
    const { client } = server;
    await Promise.all(sessions.map(({ id }) => atRest(client, id)));
    for (const { id } of sessions) {
      const events = await listAll(client, id);
      assertOnce(events, accepted.get(id));
      assertAnswered(events);
      assert.equal((await client.beta.sessions.retrieve(id)).status, 'idle');
      assert.ok(events.every(({ type }) => type !== 'session.error'));
    }
    await eventually(() => processesWith(marker).length === 0, 'no orphans');
    assert.deepEqual(server.errors(), []);
  });
});

type Identified = { readonly id: string };

/** What the server said it had accepted is in the log, each event once, all of it processed. */
function assertOnce(events: readonly ListedEvent[], accepted: readonly Identified[] = []): void {
  assert.notDeepEqual(accepted, []);
  const ids = events.map(({ id }) => id);
  assert.deepEqual(ids, [...new Set(ids)]);
  const sent = events.filter(({ type }) => type === 'user.message');
  assert.deepEqual(
    sent.map(({ id }) => id),
    accepted.map(({ id }) => id),
  );
  assert.ok(sent.every(({ processed_at }) => processed_at !== null));
}

/** Every tool use has one result, unless the session waits for its client. */
function assertAnswered(events: readonly ListedEvent[]): void {
  const uses = events.flatMap((event) => (event.type === 'agent.tool_use' ? [event.id] : []));
  const results = events.flatMap((event) => (event.type === 'agent.tool_result' ? [event.tool_use_id] : []));
  const last = events.findLast((event) => event.type === 'session.status_idle');
  const open = last?.stop_reason.type === 'requires_action' ? last.stop_reason.event_ids : [];
  assert.deepEqual([...results, ...open].sort(), uses.sort());
}

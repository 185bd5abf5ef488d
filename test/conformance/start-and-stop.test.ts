import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { after, afterEach, beforeEach, describe, test } from 'node:test';
import type { ServerHome } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { eventually, processesWith } from '../support/server-processes.ts';
import {
  atRest,
  collect,
  listAll,
  message,
  openSession,
  say,
  send,
  spoken,
} from '../support/server-sessions.ts';

const scenarios = {
  slow: `
rules:
  - reply: [{ text: 'One word after the other, until all of them are said and nothing is left to say.' }]
    chunk_delay_ms: 40
`,
};

describe('SIGTERM', () => {
  let home: ServerHome;
  beforeEach(() => {
    home = serverHome(scenarios);
  });
  afterEach(() => home.remove());

  test('lets a running turn come to its end, and exits with 0', async () => {
    const server = await home.start();
    const session = await openSession(server.client, { model: 'scripted/slow' });
    await collect(
      server.client,
      session.id,
      () => send(server.client, session.id, message('hello')),
      ({ type }) => type === 'span.model_request_start',
    );
    assert.equal(await server.stop(), 0);
    const again = await home.start();
    const events = await listAll(again.client, session.id);
    assert.match(spoken(events), /nothing is left to say\.$/);
    assert.equal(events.at(-1)?.type, 'session.status_idle');
    assert.equal(events.filter(({ type }) => type === 'span.model_request_start').length, 1);
  });

  test('ends open streams without an error', async () => {
    const server = await home.start();
    const session = await openSession(server.client);
    const stream = await server.client.beta.sessions.events.stream(session.id);
    const [code] = await Promise.all([
      server.stop(),
      (async () => {
        for await (const event of stream) assert.fail(event.type);
      })(),
    ]);
    assert.equal(code, 0);
  });

  test('stops a command that would never end, and the next start says that its outcome is unknown', async () => {
    const server = await home.start();
    const session = await openSession(server.client);
    const marker = `86400.${process.pid}5`;
    await send(server.client, session.id, message(`run \`sleep ${marker}\``));
    await eventually(() => processesWith(`sleep\0${marker}`).length === 1, 'a sleeping process');
    assert.equal(await server.stop(), 0);
    assert.deepEqual(processesWith(marker), []);
    const again = await home.start();
    await atRest(again.client, session.id);
    const result = (await listAll(again.client, session.id)).find(({ type }) => type === 'agent.tool_result');
    assert.match(JSON.stringify(result), /its outcome is unknown/);
  });
});

describe('a start', () => {
  const home = serverHome();
  after(() => home.remove());

  test('keeps the key and the data of the last one', async () => {
    const first = await home.start();
    const session = await openSession(first.client);
    await say(first.client, session.id, 'remember that the queen lives in chamber nine');
    await first.stop();
    const second = await home.start();
    assert.equal(second.apiKey, first.apiKey);
    const events = await say(second.client, session.id, 'what did I ask you to remember?');
    assert.match(spoken(events), /chamber nine/);
    await second.stop();
  });

  test('forbids core dumps, which would hold secrets', async () => {
    const server = await home.start();
    assert.match(readFileSync(`/proc/${server.pid}/limits`, 'utf8'), /^Max core file size +0 +0 /m);
    await server.stop();
  });

  test('on data that another server uses is refused, and harms it not', async () => {
    const first = await home.start();
    const { code, stderr } = await home.refusedStart({});
    assert.equal(code, 1);
    assert.match(stderr, /^anthill up: .*(in use|another|already)/m);
    assert.equal((await fetch(`${first.baseUrl}/health`)).status, 200);
    await first.stop();
  });

  test('on a port that is taken is refused', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { code, stderr } = await home.refusedStart({}, ['--port', String(portOf(taken.address()))]);
    taken.close();
    assert.equal(code, 1);
    assert.match(stderr, /127\.0\.0\.1:\d+ is in use: .* --port/);
  });

  const selves = ['127.0.0.1', 'localhost', '[::1]', '0.0.0.0'];
  for (const name of selves) {
    test(`with itself as the model provider is refused: ${name}`, async () => {
      const url = `http://${name}:4199`;
      const { code, stderr } = await home.refusedStart({ ANTHILL_UPSTREAM_BASE_URL: url }, [
        '--port',
        '4199',
      ]);
      assert.equal(code, 2);
      assert.ok(stderr.includes(`the upstream ${url} is this server itself`), stderr);
    });
  }

  test('with its own key for the model provider is refused', async () => {
    const server = await home.start();
    await server.stop();
    for (const env of [{ ANTHILL_UPSTREAM_API_KEY: server.apiKey }, { ANTHROPIC_API_KEY: server.apiKey }]) {
      const { code, stderr } = await home.refusedStart(env);
      assert.equal(code, 2);
      assert.match(stderr, /is a key of this Anthill server; it needs the key of a model provider/);
      assert.ok(!stderr.includes(server.apiKey));
    }
  });
});

function portOf(address: ReturnType<ReturnType<typeof createServer>['address']>): number {
  return typeof address === 'object' && address !== null ? address.port : 0;
}

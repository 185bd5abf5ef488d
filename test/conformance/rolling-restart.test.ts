import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import type { LoadBalancer } from '../support/load-balancer.ts';
import { startLoadBalancer } from '../support/load-balancer.ts';
import { sharedPostgres } from '../support/postgres.ts';
import type { ServerProcess } from '../support/server.ts';
import { eventually } from '../support/server-processes.ts';
import type { StreamedEvent } from '../support/server-sessions.ts';
import {
  atRest,
  collect,
  isIdle,
  listAll,
  message,
  openSession,
  send,
  toolset,
} from '../support/server-sessions.ts';
import type { Fleet } from '../support/servers.ts';
import { serverFleet } from '../support/servers.ts';

/** `ANTHILL_TEST_ROLLING_CLIENTS=32 npm test rolling-restart` for a larger crowd. */
const clientsAtOnce = Number(process.env['ANTHILL_TEST_ROLLING_CLIENTS'] || 3);
const scenarios = {
  slow: `rules:
  - when: { step: 0 }
    chunk_delay_ms: 20
    reply: [{ text: 'One word after the other, then a tool.' }, { tool: bash, input: { command: 'echo {{user_text}} >> log.txt' } }]
  - chunk_delay_ms: 20
    reply: [{ text: 'And a few more, until nothing is left to say.' }]
`,
};

type Watched = { readonly ids: string[]; streams: number; stop(): Promise<void> };

/** All that a client sees of a session, from an event on, through every end of its stream: from where that ended. */
function follow(client: Anthropic, sessionId: string, from: string): Watched {
  const done = new AbortController();
  const seen: Watched = { ids: [from], streams: 0, stop };
  async function run(): Promise<void> {
    while (!done.signal.aborted) {
      const headers = { 'last-event-id': seen.ids.at(-1) ?? from };
      const stream = await client.beta.sessions.events.stream(sessionId, {}, { headers });
      done.signal.addEventListener('abort', () => stream.controller.abort());
      seen.streams += 1;
      for await (const event of stream) seen.ids.push((event as StreamedEvent & { id: string }).id);
    }
  }
  const ended = run();
  async function stop(): Promise<void> {
    done.abort();
    await ended.catch((cause) => assert.ok(done.signal.aborted && isAbort(cause), String(cause)));
  }
  return seen;
}

function isAbort(cause: unknown): boolean {
  return cause instanceof Error && /abort/i.test(`${cause.name} ${cause.message}`);
}

describe('three servers behind a load balancer, each restarted in its turn', () => {
  let fleet: Fleet;
  let balancer: LoadBalancer;
  let servers: ServerProcess[] = [];
  const statuses: number[] = [];
  before(async () => {
    fleet = serverFleet(3, await (await sharedPostgres()).newDatabase(), scenarios);
    servers = await fleet.start({ ANTHILL_DRAIN_NOTICE_SECONDS: '1' });
    balancer = await startLoadBalancer();
    for (const { baseUrl } of servers) balancer.add(baseUrl);
  });
  after(async () => {
    await balancer.close();
    await fleet.remove();
  });

  function newClient(): Anthropic {
    return new Anthropic({
      baseURL: balancer.baseUrl,
      apiKey: fleet.settings.ANTHILL_API_KEY,
      async fetch(url, init) {
        const answer = await fetch(url, init);
        statuses.push(answer.status);
        return answer;
      },
    });
  }

  async function restart(at: number): Promise<void> {
    const server = servers[at];
    assert.ok(server);
    assert.equal(await server.stop(), 0);
    balancer.remove(server.baseUrl);
    const again = await fleet.homes[at]?.start({ ...fleet.settings, ANTHILL_DRAIN_NOTICE_SECONDS: '1' });
    assert.ok(again);
    servers[at] = again;
    balancer.add(again.baseUrl);
  }

  test('clients see nothing of it but that their streams begin anew', async () => {
    let isOver = false;
    const traffic = Array.from({ length: clientsAtOnce }, async (_, number) => {
      const client = newClient();
      const session = await openSession(client, {
        name: `Ant ${number}`,
        model: 'scripted/slow',
        tools: [toolset],
      });
      const texts: string[] = [];
      const say = async () => {
        texts.push(`${number}-${texts.length}`);
        await send(client, session.id, message(texts.at(-1) ?? ''));
        await atRestSomewhere(client, session.id);
      };
      await say();
      const [first] = await listAll(client, session.id);
      const seen = follow(client, session.id, first?.id ?? '');
      while (!isOver) await say();
      await say();
      return { client, session, texts, seen };
    });
    for (const at of servers.keys()) await restart(at);
    isOver = true;
    for (const { client, session, texts, seen } of await Promise.all(traffic)) {
      const rested = await atRest(client, session.id);
      assert.equal(rested.status, 'idle');
      const listed = await listAll(client, session.id);
      const said = listed.flatMap((event) => (event.type === 'user.message' ? event.content : []));
      assert.deepEqual(
        said.map((block) => ('text' in block ? block.text : '')),
        texts,
        'every message is there once',
      );
      const idle = listed.filter(isIdle).length;
      assert.equal(idle, texts.length, 'every turn came to its end once');
      const wanted = new Set(listed.map(({ id }) => id));
      await eventually(() => seen.ids.length >= wanted.size, 'every event at the stream');
      await seen.stop();
      assert.equal(new Set(seen.ids).size, seen.ids.length, 'no event came twice');
      assert.deepEqual(new Set(seen.ids), wanted, 'no event was lost');
      assert.ok(seen.streams > 1, 'a stream was begun anew');
      const results = listed.flatMap((event) => (event.type === 'agent.tool_result' ? [event] : []));
      assert.equal(results.length, texts.length);
      assert.ok(!JSON.stringify(results).includes('outcome is unknown'));
    }
    assert.deepEqual(
      statuses.filter((status) => status >= 400),
      [],
    );
    for (const server of servers) assert.deepEqual(server.errors(), []);
  });

  test('one that stops says so to who asks, and hands its sessions over before they come to rest, with their files', async () => {
    const [a, b] = servers;
    assert.ok(a && b);
    const session = await openSession(a.client);
    const steps = Array.from({ length: 8 }, (_, at) => `run \`sleep 0.3; echo ${at} >> steps.txt\``);
    const events = collect(b.client, session.id, async () => {});
    let results = 0;
    await collect(
      a.client,
      session.id,
      () => send(a.client, session.id, message([...steps, 'run `cat steps.txt`'].join(' then '))),
      (event) => event.type === 'agent.tool_result' && ++results === 2,
    );
    const kept = connect(Number(new URL(a.baseUrl).port), '127.0.0.1');
    const ask = async () => {
      kept.write('GET /health HTTP/1.1\r\nhost: ants\r\n\r\n');
      const [answer] = await once(kept, 'data');
      return String(answer);
    };
    assert.match(await ask(), /^HTTP\/1\.1 200[\s\S]*keep-alive/i);
    const stopped = a.stop();
    let answer = '';
    while (!/^HTTP\/1\.1 503/.test(answer)) answer = await ask();
    assert.match(answer, /connection: close[\s\S]*"stopping"/i);
    assert.equal(await stopped, 0);
    const listed = await listAll(b.client, session.id);
    assert.ok(!listed.some(isIdle), 'the turn goes on elsewhere');
    await events;
    const all = (await listAll(b.client, session.id)).flatMap((event) =>
      event.type === 'agent.tool_result' ? [event] : [],
    );
    assert.equal(all.length, steps.length + 1);
    assert.match(JSON.stringify(all.at(-1)?.content), /0\\n1\\n2\\n3\\n4\\n5\\n6\\n7/);
    servers[0] = (await fleet.homes[0]?.start(fleet.settings)) ?? a;
  });
});

/** As `atRest`, through streams that end meanwhile. */
async function atRestSomewhere(client: Anthropic, sessionId: string): Promise<void> {
  for (;;) {
    const rested = await atRest(client, sessionId).then(
      () => true,
      (cause: Error) => {
        if (!/ended while the session was at work/.test(cause.message)) throw cause;
        return false;
      },
    );
    if (rested) return;
  }
}

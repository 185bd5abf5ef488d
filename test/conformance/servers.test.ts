import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Client } from 'pg';
import { sharedPostgres } from '../support/postgres.ts';
import type { ServerProcess } from '../support/server.ts';
import type { ListedEvent, StreamedEvent } from '../support/server-sessions.ts';
import {
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
import type { Pair } from '../support/servers.ts';
import { serverPair } from '../support/servers.ts';

const scenarios = {
  slow: `rules:
  - reply: [{ text: 'One word after the other, until all of them are said and nothing is left to say.' }]
    chunk_delay_ms: 60
`,
  hung: `rules:
  - reply: [{ text: 'So slow that it never ends.' }]
    chunk_delay_ms: 60000
`,
};

const idsOf = (events: readonly (ListedEvent | StreamedEvent)[]) =>
  events.map((event) => ('id' in event ? event.id : event.type));

describe('two servers on one database', () => {
  let pair: Pair;
  let a: ServerProcess;
  let b: ServerProcess;
  let url = '';
  before(async () => {
    url = await (await sharedPostgres()).newDatabase();
    pair = serverPair(url, scenarios);
    // Both find the database empty: one of them makes the tables.
    [a, b] = await pair.start();
  });
  after(() => pair.remove());

  async function sql(text: string): Promise<readonly Record<string, unknown>[]> {
    const client = new Client(url);
    await client.connect();
    const { rows } = await client.query(text);
    await client.end();
    return rows;
  }

  /** In the middle of a turn at `a`, with what a stream at `b` will have shown at its end. */
  async function begun(id: string): Promise<{ readonly events: Promise<readonly StreamedEvent[]> }> {
    const events = collect(b.client, id, async () => {});
    await collect(
      a.client,
      id,
      () => send(a.client, id, message('go')),
      (event) => event.type === 'span.model_request_start',
    );
    return { events };
  }

  test('share everything: what is made at one is there at the other', async () => {
    const session = await openSession(a.client);
    const there = await b.client.beta.sessions.retrieve(session.id);
    assert.deepEqual([there.agent, there.created_at], [session.agent, session.created_at]);
    const agents = async ({ client }: ServerProcess) => (await client.beta.agents.list()).data;
    assert.deepEqual(await agents(b), await agents(a));
    const file = await a.client.beta.files.upload({ file: new File(['ants'], 'ants.txt') });
    const metadata = await b.client.beta.files.retrieveMetadata(file.id);
    assert.equal(metadata.size_bytes, 4);
  });

  test('a stream at either sees all that either appends', async () => {
    const session = await openSession(a.client);
    const seen = await Promise.all([
      collect(a.client, session.id, async () => {}),
      collect(b.client, session.id, () => send(a.client, session.id, message('say hi'))),
    ]);
    const listed = idsOf((await listAll(b.client, session.id)).toReversed()).sort();
    for (const events of seen) assert.deepEqual(idsOf(events).sort(), listed);
  });

  test('who sends at one and opens a stream at the other misses nothing', async () => {
    const session = await openSession(a.client);
    await send(a.client, session.id, message('say hi'));
    const events = await collect(b.client, session.id, async () => {});
    assert.ok(events.some(({ type }) => type === 'user.message'));
  });

  test('a session goes on where its files are, wherever its messages are sent', async () => {
    const session = await openSession(a.client);
    await say(a.client, session.id, 'run `echo one > log.txt`');
    await say(b.client, session.id, 'run `echo two >> log.txt`');
    const events = await say(b.client, session.id, 'run `cat log.txt`');
    const results = events.flatMap((event) => (event.type === 'agent.tool_result' ? [event] : []));
    assert.match(JSON.stringify(results), /one\\ntwo/);
  });

  test('files that a session gets at one are read at the other, and what its agent made of them is downloaded there', async () => {
    const file = await a.client.beta.files.upload({ file: new File(['ants and bees'], 'animals.txt') });
    const session = await openSession(b.client, {}, { resources: [{ type: 'file', file_id: file.id }] });
    await say(b.client, session.id, 'run `cp /mnt/session/uploads/* /mnt/session/outputs/copy.txt`');
    const { data } = await a.client.beta.files.list({
      scope_id: session.id,
      betas: ['managed-agents-2026-04-01'],
    });
    const copy = data.find(({ filename }) => filename === 'copy.txt');
    const content = await a.client.beta.files.download(copy?.id ?? '');
    assert.equal(await content.text(), 'ants and bees');
  });

  test('an interrupt at one stops the turn that runs at the other', async () => {
    const session = await openSession(a.client, { model: 'scripted/hung' });
    const events = await collect(
      b.client,
      session.id,
      () => send(a.client, session.id, message('go')),
      (event) => event.type === 'span.model_request_start',
    );
    assert.equal(events.at(-1)?.type, 'span.model_request_start');
    await collect(b.client, session.id, () => send(b.client, session.id, interrupt));
    assert.equal((await a.client.beta.sessions.retrieve(session.id)).status, 'idle');
  });

  test('a session that is deleted at one ends its streams at the other', async () => {
    const session = await openSession(a.client);
    const events = await collect(
      b.client,
      session.id,
      () => a.client.beta.sessions.delete(session.id),
      (event) => event.type === 'session.deleted',
    );
    assert.equal(events.length, 1);
  });

  /** Previewed text, and with it what came before the stored message. */
  function previewedOf(events: readonly StreamedEvent[]): string {
    const stored = events.findIndex(({ type }) => type === 'agent.message');
    return events
      .slice(0, stored)
      .map((event) => (event.type === 'event_delta' ? event.delta.content.text : ''))
      .join('');
  }

  test('a stream with previews shows them wherever the turn runs, also when it comes in the middle and replays', async () => {
    const session = await openSession(a.client, { model: 'scripted/slow' });
    const wants = { event_deltas: ['agent.message' as const] };
    const sent: string[] = [];
    const joined: Promise<StreamedEvent[]>[] = [];
    let deltas = 0;
    const join = (headers: Record<string, string>) =>
      collect(b.client, session.id, async () => {}, isIdle, wants, headers);
    const seen = await Promise.all([
      collect(a.client, session.id, async () => {}, isIdle, wants),
      collect(
        b.client,
        session.id,
        async () => void sent.push((await send(a.client, session.id, message('go'))).data?.[0]?.id ?? ''),
        (event) => {
          if (event.type === 'event_delta') deltas += 1;
          if (deltas === 3 && joined.length === 0)
            joined.push(join({ 'last-event-id': sent[0] ?? '' }), join({}));
          return isIdle(event);
        },
        wants,
      ),
    ]);
    const [here = [], there = []] = seen;
    assert.match(previewedOf(here), /^One word .*nothing is left to say\.$/);
    assert.equal(previewedOf(there), previewedOf(here));
    const startOf = (events: readonly StreamedEvent[]) => events.find(({ type }) => type === 'event_start');
    assert.deepEqual(startOf(there), startOf(here));
    const [replaying = [], live = []] = await Promise.all(joined);
    assert.equal(previewedOf(replaying), previewedOf(here));
    assert.equal(replaying[0]?.type, 'span.model_request_start');
    assert.deepEqual([previewedOf(live), startOf(live)], ['', undefined]);
  });

  test('a hint that got lost is made up for', async () => {
    const session = await openSession(a.client);
    const [line] = await sql(
      `select pid from pg_stat_activity where application_name like 'anthill server%'
        and pid in (select pid from pg_locks where locktype = 'advisory')`,
    );
    assert.ok(line);
    await collect(b.client, session.id, async () => {
      await sql(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'anthill server%'`,
      );
      await send(a.client, session.id, message('say hi'));
    });
  });

  test('an interrupt is heard although the server that took it could tell nobody', {
    timeout: 60_000,
  }, async () => {
    const session = await openSession(a.client, { model: 'scripted/hung' });
    const events = await collect(
      a.client,
      session.id,
      () => send(a.client, session.id, message('go')),
      (event) => event.type === 'span.model_request_start',
    );
    assert.equal(events.at(-1)?.type, 'span.model_request_start');
    const lines = await sql(`select pid from pg_stat_activity where application_name like 'anthill server%'`);
    assert.ok(lines.length >= 2);
    // What is said on these connections goes nowhere.
    for (const { pid } of lines) process.kill(Number(pid), 'SIGSTOP');
    try {
      await send(b.client, session.id, interrupt);
      await atRest(b.client, session.id);
    } finally {
      for (const { pid } of lines) process.kill(Number(pid), 'SIGCONT');
    }
    const ended = await listAll(a.client, session.id);
    assert.ok(ended.some(({ type }) => type === 'user.interrupt'));
    assert.equal(ended.at(-1)?.type, 'session.status_idle');
  });

  test('64 clients send to one session at both: every message is there once', async () => {
    const session = await openSession(a.client, { model: 'scripted/slow' });
    const texts = Array.from({ length: 64 }, (_, at) => `message ${at}`);
    await Promise.all(texts.map((text, at) => send((at % 2 ? a : b).client, session.id, message(text))));
    await atRest(b.client, session.id);
    const events = await listAll(b.client, session.id);
    const said = events.flatMap((event) => (event.type === 'user.message' ? event.content : []));
    assert.deepEqual(said.map((block) => ('text' in block ? block.text : '')).sort(), texts.toSorted());
    const rows = await sql(`select count(*)::int as count, max(seq)::int as last from entries
      where session_id = '${session.id}'`);
    assert.equal(rows[0]?.['count'], rows[0]?.['last'], 'seq has no gaps');
  });

  test('one that is stopped loses its lease and appends nothing when it wakes', async () => {
    const session = await openSession(a.client, { model: 'scripted/slow' });
    const done = await begun(session.id);
    process.kill(a.pid, 'SIGSTOP');
    // What time does to a lease.
    await sql(`update sessions set lease_until_us = 0, home = null where id = '${session.id}'`);
    await done.events;
    const before = await listAll(b.client, session.id);
    process.kill(a.pid, 'SIGCONT');
    await atRest(a.client, session.id);
    // Long enough for the reply that was under way to come to its end.
    await say(a.client, (await openSession(a.client, { model: 'scripted/slow' })).id, 'go');
    const events = await listAll(b.client, session.id);
    assert.deepEqual(idsOf(events), idsOf(before));
    const ends = events.flatMap((event) => (event.type === 'span.model_request_end' ? [event.is_error] : []));
    assert.deepEqual(ends.sort(), [false, true]);
  });

  test('kill -9 of one in the middle of a reply: the other ends the turn', async () => {
    const session = await openSession(a.client, { model: 'scripted/slow' });
    const done = await begun(session.id);
    await a.kill();
    assert.ok((await done.events).some(isIdle));
    assert.match(spoken(await listAll(b.client, session.id)), /nothing is left to say\.$/);
    a = await pair.homes[0].start(pair.settings);
    assert.equal((await a.client.beta.sessions.retrieve(session.id)).status, 'idle');
  });

  test('kill -9 of one: its sessions go on at the other with their files, and back', async () => {
    const session = await openSession(a.client);
    await say(
      a.client,
      session.id,
      'run `mkdir -p deep && echo one > deep/log.txt && ln -s log.txt deep/link`',
    );
    const saved = async (generation: number) => {
      const query = `select 1 from session_snapshots where session_id = '${session.id}' and generation >= ${generation}`;
      while ((await sql(query)).length === 0) await new Promise((go) => setTimeout(go, 20));
    };
    await saved(1);
    await a.kill();
    await say(b.client, session.id, 'run `echo two >> deep/link`');
    await saved(2);
    a = await pair.homes[0].start(pair.settings);
    assert.equal(await b.stop(), 0);
    const events = await say(a.client, session.id, 'run `cat deep/log.txt`');
    const results = events.flatMap((event) => (event.type === 'agent.tool_result' ? [event] : []));
    assert.match(JSON.stringify(results), /one\\ntwo/);
    b = await pair.homes[1].start(pair.settings);
  });

  test('one with another master key does not start', async () => {
    const { code, stderr } = await pair.homes[0].refusedStart(
      {
        ...pair.settings,
        ANTHILL_MASTER_KEY: Buffer.alloc(32).toString('base64'),
      },
      ['--port', '0', '--data', `${pair.homes[0].dataDir}-other`],
    );
    assert.match(stderr, /the same ANTHILL_MASTER_KEY/);
    assert.equal(code, 1);
  });

  test('nothing of this was logged as an error', () => {
    assert.deepEqual([a.errors(), b.errors()], [[], []]);
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import Anthropic from '@anthropic-ai/sdk';
import { Client } from 'pg';
import { lastUserText } from '../../src/brain/models/scripted/messages-request.ts';
import { databaseAnswerMsMax } from '../../src/domain/limits.ts';
import { watchPostgres } from '../crash/database.ts';
import type { ModelServer } from '../support/model-server.ts';
import { startModelServer } from '../support/model-server.ts';
import type { PostgresServer } from '../support/postgres.ts';
import { startPostgres } from '../support/postgres.ts';
import type { ServerProcess } from '../support/server.ts';
import type { StreamedEvent } from '../support/server-sessions.ts';
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
import type { Pair } from '../support/servers.ts';
import { serverPair } from '../support/servers.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

/** A minute with `FAULT_OUTAGE_SECONDS=60`. */
const outageMs = Number(process.env['FAULT_OUTAGE_SECONDS'] ?? 3) * 1000;
const leaseSeconds = 6;
const params = { model: 'claude-opus-5-5', tools: [] };

const signsOfLife = `
  select pid from pg_locks where locktype = 'advisory' and objsubid = 1 and granted
    and database = (select oid from pg_database where datname = current_database())`;

describe('two servers and a database that cannot be relied on', () => {
  let postgres: PostgresServer;
  let proxy: TcpProxy;
  /** The database past the proxy. */
  let direct: string;
  let model: ModelServer;
  let pair: Pair;
  let a: ServerProcess;
  let b: ServerProcess;
  /** Told when the model is asked; it answers once it is let. */
  const asked = new Map<string, () => void>();
  const held = new Map<string, Promise<void>>();

  before(async () => {
    postgres = await startPostgres();
    direct = await postgres.newDatabase();
    const url = new URL(direct.replace('localhost', '127.0.0.1'));
    proxy = await startTcpProxy(`${url.searchParams.get('host')}/.s.PGSQL.5432`);
    url.search = '';
    url.port = String(proxy.port);
    model = await startModelServer({
      async answer(request) {
        const said = lastUserText(request.messages);
        asked.get(said)?.();
        await held.get(said);
        return [{ type: 'text', text: `Answered ${said}.` }];
      },
    });
    pair = serverPair(url.href);
    Object.assign(pair.settings, model.settings, { ANTHILL_LEASE_SECONDS: String(leaseSeconds) });
    [a, b] = await pair.start();
  });
  after(async () => {
    await pair.remove();
    await model.close();
    await proxy.close();
    await postgres.remove();
  });

  /** A turn at `a` whose model has been asked and waits, read by a stream at `b` until the session is idle. */
  async function begun(said: string) {
    const answer = Promise.withResolvers<void>();
    held.set(said, answer.promise);
    const isAsked = new Promise<void>((resolve) => asked.set(said, resolve));
    const { id } = await openSession(a.client, params);
    const events = collect(b.client, id, () => send(a.client, id, message(said)));
    // Looked at when it is awaited.
    events.catch(() => undefined);
    await isAsked;
    return { id, events, answer: answer.resolve };
  }

  async function assertWhole(id: string, said: string, streamed: readonly StreamedEvent[]): Promise<void> {
    const listed = await listAll(b.client, id);
    const ids = streamed.flatMap((event) => ('id' in event ? [event.id] : []));
    assert.deepEqual(
      ids,
      listed.map((event) => event.id),
      'the stream that stayed has all, once',
    );
    assert.equal(spoken(listed), `Answered ${said}.`);
    assert.equal(listed.filter(({ type }) => type === 'user.message').length, 1);
    assert.ok(listed.every(({ type }) => type !== 'session.error'));
  }

  const impatient = () => new Anthropic({ baseURL: a.baseUrl, apiKey: a.apiKey, maxRetries: 0 });

  async function refusedMeanwhile(id: string): Promise<void> {
    const cause = await impatient()
      .beta.sessions.retrieve(id)
      .then(
        () => null,
        (failure: unknown) => failure,
      );
    assert.ok(cause instanceof Anthropic.APIError);
    assert.deepEqual([cause.status, cause.headers?.get('retry-after')], [503, '1']);
  }

  test('200 ms from question to answer are slow, and nothing else', async () => {
    proxy.set(100);
    const { id } = await openSession(a.client, params);
    const events = await collect(b.client, id, () => send(a.client, id, message('far away')));
    proxy.set('open');
    await assertWhole(id, 'far away', events);
  });

  test('an outage: 503 and retry-after, streams stay, the turn goes on, nothing lost or doubled', async () => {
    const turn = await begun('outage');
    proxy.set('cut');
    await refusedMeanwhile(turn.id);
    turn.answer();
    await sleep(outageMs);
    await refusedMeanwhile(turn.id);
    proxy.set('open');
    await assertWhole(turn.id, 'outage', await turn.events);
  });

  test('a way that falls silent counts as cut after ten seconds', async () => {
    const turn = await begun('silence');
    proxy.set('silent');
    const from = performance.now();
    await refusedMeanwhile(turn.id);
    assert.ok(performance.now() - from < 3 * databaseAnswerMsMax);
    // Connections that were silent are as good as cut.
    proxy.set('cut');
    turn.answer();
    proxy.set('open');
    await assertWhole(turn.id, 'silence', await turn.events);
  });

  test('a database that is killed and started again in the middle of a turn', async () => {
    const turn = await begun('killed');
    await postgres.crash();
    turn.answer();
    await refusedMeanwhile(turn.id);
    await postgres.start();
    await assertWhole(turn.id, 'killed', await turn.events);
  });

  test('a server that is paused past its lease: another goes on, and what it appends late is refused', async () => {
    const turn = await begun('paused');
    process.kill(a.pid, 'SIGSTOP');
    turn.answer();
    const events = await turn.events;
    await assertWhole(turn.id, 'paused', events);
    const before = await listAll(b.client, turn.id);
    process.kill(a.pid, 'SIGCONT');
    // Its reply came while it was asleep. What it does next shows that it has read it.
    await say(a.client, (await openSession(a.client, params)).id, 'awake');
    await atRest(a.client, turn.id);
    assert.deepEqual(await listAll(a.client, turn.id), before);
    const ends = before.flatMap((event) => (event.type === 'span.model_request_end' ? [event.is_error] : []));
    assert.deepEqual(ends, [true, false], 'the other server asked again');
  });

  test('a message for a session whose server hangs is answered by another', async () => {
    const { id } = await openSession(a.client, params);
    await say(a.client, id, 'first');
    process.kill(a.pid, 'SIGSTOP');
    await send(b.client, id, message('second'));
    await atRest(b.client, id);
    const events = await listAll(b.client, id);
    process.kill(a.pid, 'SIGCONT');
    assert.equal(spoken(events), 'Answered first.\nAnswered second.');
  });

  test('a server that hangs in the middle of a commit: the database ends that, and others go on', async () => {
    const { id } = await openSession(a.client, params);
    const database = await watchPostgres(direct);
    const letGo = await database.lock(id);
    const unheard = send(impatient(), id, message('unheard'));
    unheard.catch(() => undefined);
    while (!(await database.isAwaited())) await sleep(20);
    process.kill(a.pid, 'SIGSTOP');
    // From here on it has the session, and its part of the lock of all that write, and says nothing.
    await letGo();
    await openSession(b.client, params);
    await send(b.client, id, message('heard'));
    await atRest(b.client, id);
    process.kill(a.pid, 'SIGCONT');
    await assert.rejects(unheard, (cause) => cause instanceof Anthropic.APIError && cause.status === 503);
    assert.equal(spoken(await listAll(a.client, id)), 'Answered heard.');
    await database.close();
  });

  test('servers whose sign of life the database lost without their hearing of it give another', async () => {
    const database = new Client(direct);
    await database.connect();
    const signs = async () => (await database.query<{ pid: number }>(signsOfLife)).rows.map(({ pid }) => pid);
    const lost = await signs();
    assert.equal(lost.length, 2);
    const connections = proxy.count();
    proxy.set('silent');
    for (const pid of lost) await database.query('select pg_terminate_backend($1)', [pid]);
    while (proxy.count() > connections - 2) await sleep(20);
    proxy.set('open');
    let found = await signs();
    while (found.length < 2) {
      await sleep(100);
      found = await signs();
    }
    assert.ok(found.every((pid) => !lost.includes(pid)));
    const turn = await begun('found again');
    turn.answer();
    await assertWhole(turn.id, 'found again', await turn.events);
    await database.end();
  });

  test('nothing of this was logged as an error', () => {
    assert.deepEqual([a.errors(), b.errors()], [[], []]);
  });
});

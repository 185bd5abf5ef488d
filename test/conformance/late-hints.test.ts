import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { hintLateMsMax, missedEventWindowMs } from '../../src/domain/limits.ts';
import { sharedPostgres } from '../support/postgres.ts';
import type { ServerProcess } from '../support/server.ts';
import type { StreamedEvent } from '../support/server-sessions.ts';
import { atRest, collect, message, openSession, say, send } from '../support/server-sessions.ts';
import type { Pair } from '../support/servers.ts';
import { serverPair } from '../support/servers.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

/** What clients said, of that which a stream showed. */
const saidIn = (events: readonly StreamedEvent[]) =>
  events
    .flatMap((event) => (event.type === 'user.message' ? event.content : []))
    .map((block) => ('text' in block ? block.text : ''));

describe('where a stream begins when what one server says to the other is late', () => {
  let pair: Pair;
  let line: TcpProxy;
  /** What it says to others is late. */
  let a: ServerProcess;
  let b: ServerProcess;
  before(async () => {
    const url = new URL(await (await sharedPostgres()).newDatabase());
    line = await startTcpProxy(`${url.searchParams.get('host')}/.s.PGSQL.5432`);
    pair = serverPair(url.href);
    const direct = new URL(url.href.replace('localhost', '127.0.0.1'));
    direct.search = '';
    direct.port = String(line.port);
    a = await pair.homes[0].start({ ...pair.settings, DATABASE_DIRECT_URL: direct.href });
    b = await pair.homes[1].start(pair.settings);
  });
  after(async () => {
    await pair.remove();
    await line.close();
  });
  beforeEach(() => line.set('open'));

  // What was said slowly in one test would keep back what is said in the next: the slowest come last.
  test('what a stream showed where it was sent is waited for, and not shown at the other', async () => {
    const session = await openSession(a.client);
    line.set(hintLateMsMax / 20);
    for (const text of ['say one', 'say two', 'say three']) {
      await say(a.client, session.id, text);
      assert.deepEqual(saidIn(await say(b.client, session.id, 'say more')), ['say more']);
    }
  });

  test('what a stream showed at another server is not shown where it was sent', async () => {
    const session = await openSession(a.client);
    await collect(b.client, session.id, () => send(a.client, session.id, message('say one')));
    // Word of it comes after what it showed.
    await sleep(hintLateMsMax);
    assert.deepEqual(saidIn(await say(a.client, session.id, 'say two')), ['say two']);
  });

  test('sent at one and streamed at the other: nothing is missed, whether the turn is over or not', async () => {
    const session = await openSession(a.client);
    line.set(4 * hintLateMsMax);
    await send(a.client, session.id, message('say one'));
    const first = await collect(b.client, session.id, async () => {});
    assert.deepEqual(saidIn(first), ['say one']);
    await atRest(a.client, session.id);
    await send(a.client, session.id, message('say two'));
    await atRest(a.client, session.id);
    const second = await collect(b.client, session.id, async () => {});
    assert.deepEqual(saidIn(second), ['say two']);
    assert.equal(second.at(-1)?.type, 'session.status_idle');
  });

  test('only the first stream begins there, also when what is late comes at last', async () => {
    const session = await openSession(a.client);
    line.set(2 * hintLateMsMax);
    await send(a.client, session.id, message('say one'));
    await collect(b.client, session.id, async () => {});
    // The next one is for what is sent now.
    assert.deepEqual(saidIn(await say(b.client, session.id, 'say two')), ['say two']);
    await sleep(4 * hintLateMsMax);
    assert.deepEqual(saidIn(await say(b.client, session.id, 'say three')), ['say three']);
  });

  test('after a few seconds nothing is made up for', async () => {
    const session = await openSession(a.client);
    line.set('silent');
    await send(a.client, session.id, message('say one'));
    await atRest(a.client, session.id);
    await sleep(missedEventWindowMs);
    assert.deepEqual(saidIn(await say(b.client, session.id, 'say two')), ['say two']);
  });

  test('nothing of this was logged as an error', () => {
    assert.deepEqual([a.errors(), b.errors()], [[], []]);
  });
});

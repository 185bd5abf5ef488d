import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { sharedPostgres } from '../../../test/support/postgres.ts';
import type { TcpProxy } from '../../../test/support/tcp-proxy.ts';
import { startTcpProxy } from '../../../test/support/tcp-proxy.ts';
import { lineBeatsMax } from '../../domain/limits.ts';
import type { Line } from './postgres-line.ts';
import { lifeLockOf, openLine } from './postgres-line.ts';

describe('the connection to PostgreSQL that stays', () => {
  let proxy: TcpProxy;
  let url: string;
  let look: Client;
  let line: Line;
  let other: Line;
  const heard: unknown[] = [];
  const heardByOther: unknown[] = [];
  let reopened = 0;

  before(async () => {
    const direct = await (await sharedPostgres()).newDatabase();
    const way = new URL(direct.replace('localhost', '127.0.0.1'));
    proxy = await startTcpProxy(`${way.searchParams.get('host')}/.s.PGSQL.5432`);
    way.search = '';
    way.port = String(proxy.port);
    url = way.href;
    look = new Client(direct);
    await look.connect();
    const listener = (list: unknown[]) => (message: unknown) => void list.push(message);
    line = await openLine({ ...first(), heard: listener(heard), reopened: () => (reopened += 1) });
    other = await openLine({ url: direct, id: 'second', heard: listener(heardByOther), reopened() {} });
  });
  after(async () => {
    await other.close();
    await look.end();
    await proxy.close();
  });

  const first = () => ({ url, id: 'first', heard() {}, reopened() {}, beatMs: 200 });

  /** Who the database sees on the other end of the line. */
  async function connections(): Promise<{ pid: number; query: string; asked: string; holds: boolean }[]> {
    const { rows } = await look.query(
      `select pid, query, query_start::text as asked, exists (
         select from pg_locks where pg_locks.pid = pg_stat_activity.pid and locktype = 'advisory' and granted
           and ((classid::bigint << 32) | objid::bigint) = ${lifeLockOf('first')}
       ) as holds
       from pg_stat_activity where application_name = 'anthill first' and datname = current_database() order by backend_start`,
    );
    return rows;
  }

  async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
    for (const from = performance.now(); !(await holds()); await sleep(5))
      assert.ok(performance.now() - from < 30_000, `not within half a minute: ${what}`);
  }

  async function assertBothHear(word: string): Promise<void> {
    other.say(`${word} to first`);
    line.say(`${word} to second`);
    await until(() => heard.includes(`${word} to first`), 'the first hears');
    await until(() => heardByOther.includes(`${word} to second`), 'the second hears');
  }

  test('it is asked again and again, and stays while it answers', async () => {
    const [before] = await connections();
    const beats = new Set<string>();
    await until(async () => {
      const [now] = await connections();
      if (now?.query === 'select 1') beats.add(now.asked);
      return beats.size > 2 * lineBeatsMax;
    }, 'it is asked');
    const [now, more] = await connections();
    assert.deepEqual([now?.pid, now?.holds, more, reopened], [before?.pid, true, undefined, 0]);
    await assertBothHear('before');
  });

  test('when it falls silent another one takes its place, as soon as the database has let go of it', async () => {
    const [silent] = await connections();
    const tell = proxy.forget();
    await until(async () => (await connections()).length > 1, 'it is dialled anew');
    assert.deepEqual([(await connections()).map(({ holds }) => holds), reopened], [[true, false], 0]);
    tell();
    await until(() => reopened > 0, 'it is open once more');
    const [now, more] = await connections();
    assert.notEqual(now?.pid, silent?.pid);
    assert.deepEqual([now?.holds, more], [true, undefined]);
    await assertBothHear('after');
  });

  test('it is closed while it is dialled anew, and not opened any more', async () => {
    const tell = proxy.forget();
    await until(async () => (await connections()).length > 1, 'it is dialled anew');
    await line.close();
    tell();
    await until(async () => (await connections()).length === 0, 'nothing is left of it');
  });

  test('it is closed although nobody is there to say goodbye to', async () => {
    const silent = await openLine({ ...first(), beatMs: 600_000 });
    const tell = proxy.forget();
    await silent.close();
    tell();
    await until(async () => (await connections()).length === 0, 'the database hears of it');
  });
});

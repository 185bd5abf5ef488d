import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Client } from 'pg';
import { lastUserText } from '../../src/brain/models/scripted/messages-request.ts';
import type { ModelServer } from '../support/model-server.ts';
import { startModelServer } from '../support/model-server.ts';
import type { Pooler } from '../support/pgbouncer.ts';
import { startPooler } from '../support/pgbouncer.ts';
import { sharedPostgres } from '../support/postgres.ts';
import type { ServerProcess } from '../support/server.ts';
import {
  collect,
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

const asked = { model: 'claude-opus-5-5', tools: [] };

describe('two servers behind a pooler that gives out connections by transaction', () => {
  let pooler: Pooler;
  let model: ModelServer;
  let pair: Pair;
  let a: ServerProcess;
  let b: ServerProcess;
  let direct: string;
  /** Called when the model is asked what holds it; it answers once that has resolved. */
  const holds = new Map<string, () => Promise<void>>();
  before(async () => {
    direct = await (await sharedPostgres()).newDatabase();
    // Fewer than each of the servers would open.
    pooler = await startPooler(direct, 3);
    model = await startModelServer({
      async answer(request) {
        const said = lastUserText(request.messages);
        await holds.get(said)?.();
        return [{ type: 'text', text: `Answered ${said}.` }];
      },
    });
    pair = serverPair(pooler.url);
    Object.assign(pair.settings, model.settings, { DATABASE_DIRECT_URL: direct });
    [a, b] = await pair.start();
  });
  after(async () => {
    await pair.remove();
    await model.close();
    await pooler.remove();
  });

  /** Sends it at `a` and reads at `b`; `meanwhile` happens while the model is asked for the first time. */
  async function turn(said: string, meanwhile: () => Promise<void>) {
    const { id } = await openSession(a.client, asked);
    const begun = Promise.withResolvers<void>();
    const over = Promise.withResolvers<void>();
    holds.set(said, async () => {
      begun.resolve();
      await over.promise;
    });
    const events = collect(b.client, id, () => send(a.client, id, message(said)));
    await begun.promise;
    await meanwhile();
    over.resolve();
    await events;
    return await listAll(b.client, id);
  }

  test('sixteen sessions at once have their turns, sent at either and streamed at the other', async () => {
    const turns = Array.from({ length: 16 }, async (_, at) => {
      const [here, there] = at % 2 === 0 ? [a, b] : [b, a];
      const { id } = await openSession(here.client, asked);
      for (const text of ['one', 'two']) {
        const events = await collect(there.client, id, () => send(here.client, id, message(text)));
        assert.equal(spoken(events), `Answered ${text}.`);
      }
    });
    await Promise.all(turns);
  });

  test('a tool call', async () => {
    const session = await openSession(a.client);
    const events = await say(b.client, session.id, 'run `echo through the pooler`');
    const results = events.filter(({ type }) => type === 'agent.tool_result');
    assert.match(JSON.stringify(results), /through the pooler/);
  });

  test('the pooler is restarted in the middle of a turn', async () => {
    const events = await turn('restarted', () => pooler.restart());
    assert.equal(spoken(events), 'Answered restarted.');
    assert.equal(events.filter(({ type }) => type === 'user.message').length, 1);
  });

  test('the connections between pooler and database break in the middle of a turn', async () => {
    const events = await turn('broken', async () => {
      const client = new Client(direct);
      await client.connect();
      await client.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and application_name = 'anthill'`,
      );
      await client.end();
    });
    assert.equal(spoken(events), 'Answered broken.');
  });

  test('kill -9 of one in the middle of a reply: the other ends the turn', async () => {
    const events = await turn('killed', () => a.kill());
    assert.equal(spoken(events), 'Answered killed.');
    assert.ok(events.some(isIdle));
    const ends = events.flatMap((event) => (event.type === 'span.model_request_end' ? [event.is_error] : []));
    assert.deepEqual(ends, [true, false]);
    a = await pair.homes[0].start(pair.settings);
    assert.equal(
      spoken(await say(a.client, (await openSession(a.client, asked)).id, 'back')),
      'Answered back.',
    );
  });

  test('nothing of this was logged as an error', () => {
    assert.deepEqual([a.errors(), b.errors()], [[], []]);
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { lastUserText } from '../../src/brain/models/scripted/messages-request.ts';
import { poisonTries } from '../../src/domain/limits.ts';
import type { ModelServer } from '../support/model-server.ts';
import { startModelServer } from '../support/model-server.ts';
import type { ServerHome, ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { atRest, listAll, message, openSession, say, send, spoken } from '../support/server-sessions.ts';

const never = new Promise<never>(() => {});

/** A server that dies as soon as it asks the model about poison, and is started again, as its init system would. */
describe('a session that the server dies of', () => {
  let home: ServerHome;
  let server: ServerProcess;
  let model: ModelServer;
  const starts: number[] = [];
  const asked: string[] = [];
  const mayAnswer = Promise.withResolvers<void>();
  let started = Promise.withResolvers<void>();

  before(async () => {
    home = serverHome();
    model = await startModelServer({
      async answer(request) {
        const said = lastUserText(request.messages);
        asked.push(said);
        if (said === 'slow') await mayAnswer.promise;
        if (said !== 'poison') return [{ type: 'text', text: `Answered ${said}.` }];
        void dieAndStart();
        return await never;
      },
    });
    await start();
  });
  after(async () => {
    await home.remove();
    await model.close();
  });

  async function start(): Promise<void> {
    server = await home.start(model.settings);
    starts.push(server.pid);
  }

  async function dieAndStart(): Promise<void> {
    await server.kill();
    await start();
    started.resolve();
    started = Promise.withResolvers();
  }

  test('is given up after three deaths, with a reason; a slow one beside it is not blamed', async () => {
    const params = { model: 'claude-opus-5-5', tools: [] };
    const innocent = await openSession(server.client, params);
    const poisoned = await openSession(server.client, params);
    await send(server.client, innocent.id, message('slow'));
    const deaths = [started.promise];
    await send(server.client, poisoned.id, message('poison'));
    await deaths[0];
    await started.promise;
    // Both are suspects now, and the first of them still waits for its model: the other is not tried beside it.
    await say(server.client, (await openSession(server.client, params)).id, 'others go on');
    assert.equal(asked.filter((said) => said === 'poison').length, poisonTries - 1);
    const lastDeath = started.promise;
    mayAnswer.resolve();
    await atRest(server.client, innocent.id);
    await lastDeath;
    const session = await atRest(server.client, poisoned.id);
    assert.equal(session.status, 'idle');
    assert.equal(asked.filter((said) => said === 'poison').length, poisonTries);
    assert.equal(starts.length, 1 + poisonTries);

    const events = await listAll(server.client, poisoned.id);
    const errors = events.flatMap((event) => (event.type === 'session.error' ? [event.error] : []));
    assert.deepEqual(
      errors.map(({ type, retry_status }) => [type, retry_status.type]),
      [['unknown_error', 'exhausted']],
    );
    assert.match(
      errors[0]?.message ?? '',
      /^The server died three times in a row while it worked on this turn/,
    );
    const last = events.at(-1);
    assert.deepEqual(last?.type === 'session.status_idle' && last.stop_reason, { type: 'retries_exhausted' });
    assert.match(server.output(), /session\.quarantined/);

    const next = await say(server.client, poisoned.id, 'something else');
    assert.match(spoken(next), /something else/, 'it can be spoken to again');
    const innocents = await listAll(server.client, innocent.id);
    assert.equal(spoken(innocents), 'Answered slow.');
    assert.ok(innocents.every(({ type }) => type !== 'session.error'));
  });
});

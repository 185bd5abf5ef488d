import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import type { PostgresServer } from '../support/postgres.ts';
import { startPostgres } from '../support/postgres.ts';
import type { ServerHome, ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { collect, isIdle, listAll, message, openSession, send, spoken } from '../support/server-sessions.ts';

const scenarios = {
  slow: `rules:
  - reply: [{ text: 'One word after the other, until all of them are said and nothing is left to say.' }]
    chunk_delay_ms: 60
`,
};

describe('PostgreSQL stops and starts again', () => {
  let postgres: PostgresServer;
  let home: ServerHome;
  let server: ServerProcess;
  before(async () => {
    postgres = await startPostgres();
    home = serverHome(scenarios);
    server = await home.start({ DATABASE_URL: await postgres.newDatabase() });
  });
  after(async () => {
    await home.remove();
    await postgres.remove();
  });

  test('requests are told to come again, streams stay, and the turn goes on', async () => {
    const { client } = server;
    const session = await openSession(client, { model: 'scripted/slow' });
    const impatient = new Anthropic({ baseURL: server.baseUrl, apiKey: server.apiKey, maxRetries: 0 });
    const outages: Promise<unknown>[] = [];

    async function outage(): Promise<unknown> {
      await postgres.stop();
      const cause = await impatient.beta.sessions.retrieve(session.id).then(
        () => null,
        (failure: unknown) => failure,
      );
      await postgres.start();
      return cause;
    }

    const events = await collect(
      client,
      session.id,
      () => send(client, session.id, message('go')),
      (event) => {
        if (event.type === 'span.model_request_start' && outages.length === 0) outages.push(outage());
        return isIdle(event);
      },
    );
    const [cause] = await Promise.all(outages);
    assert.ok(cause instanceof Anthropic.APIError);
    assert.deepEqual([cause.status, cause.type, cause.headers?.get('retry-after')], [503, 'api_error', '1']);
    assert.match(spoken(events), /nothing is left to say\.$/);
    const listed = (await listAll(client, session.id)).map(({ id }) => id);
    const streamed = events.flatMap((event) => ('id' in event ? [event.id] : []));
    assert.deepEqual(streamed.sort(), listed.sort(), 'the stream that stayed has missed nothing');
    assert.deepEqual(server.errors(), []);
  });
});

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { listAll, openSession, say, spoken } from '../support/server-sessions.ts';

const scenarios = {
  small: `rules:
  - when: { user: "^<conversation>" }
    reply: [{ text: "The user likes ants." }]
  - reply: [{ text: "Noted." }]
`,
};

describe('a conversation longer than the window of its model', () => {
  const home = serverHome(scenarios);
  let server: ServerProcess;
  before(async () => {
    mkdirSync(home.dataDir, { recursive: true });
    writeFileSync(
      join(home.dataDir, 'anthill.yaml'),
      'models: [{ id: scripted/small, context_tokens: 4000, price: { input: 1, output: 1 } }]\n',
    );
    server = await home.start();
  });
  after(() => home.remove());

  test('goes on from a summary; the history keeps everything', async () => {
    const { client } = server;
    const session = await openSession(client, { model: 'scripted/small', tools: [] });
    await say(client, session.id, `I like ants. ${'word '.repeat(2600)}`);
    const events = await say(client, session.id, 'What do I like?');
    const types = events.map(({ type }) => type);
    const compacted = types.indexOf('agent.thread_context_compacted');
    assert.ok(compacted !== -1 && compacted < types.indexOf('user.message'), types.join(', '));
    assert.equal(spoken(events), 'Noted.');
    const end = events.find((event) => event.type === 'span.model_request_end');
    assert.ok(end?.type === 'span.model_request_end');
    assert.ok(end.model_usage.input_tokens < 3_000, `${end.model_usage.input_tokens} tokens`);
    const history = await listAll(client, session.id);
    assert.match(JSON.stringify(history[2]), /I like ants\. word word/);
    assert.equal(types.filter((type) => type === 'session.error').length, 0);
  });

  test('and a single message that can never fit ends the turn with an error, not the session', async () => {
    const { client } = server;
    const session = await openSession(client, {
      model: 'scripted/small',
      tools: [],
      system: 'x'.repeat(14_000),
    });
    await say(client, session.id, 'hello');
    const events = await say(client, session.id, 'hello again');
    const error = events.find((event) => event.type === 'session.error');
    assert.ok(error?.type === 'session.error');
    assert.equal(error.error.type, 'compaction_limit_reached_error');
    assert.equal((await client.beta.sessions.retrieve(session.id)).status, 'idle');
  });
});

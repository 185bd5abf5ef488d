import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { blockEvents, messageEnd, messageStart, sse, textDeltas } from '../support/model-stream.ts';
import type { RecordingServer } from '../support/recording-server.ts';
import { startRecordingServer } from '../support/recording-server.ts';
import type { ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import { assertRefused, call } from '../support/server-http.ts';
import { collect, listAll, message, openSession, send } from '../support/server-sessions.ts';

const system = (text: string) => ({
  type: 'system.message' as const,
  content: [{ type: 'text' as const, text }],
});

const answer = sse([
  messageStart,
  ...blockEvents(0, { type: 'text', text: '' }, textDeltas('Yes.')),
  ...messageEnd('end_turn'),
]);

/** The wire of a provider, once with the role and once without. */
for (const profile of ['anthropic', 'generic'])
  describe(`system messages to a ${profile} endpoint`, () => {
    const home = serverHome();
    let provider: RecordingServer;
    let server: ServerProcess;
    before(async () => {
      provider = await startRecordingServer(() => ({
        headers: { 'content-type': 'text/event-stream' },
        body: answer,
      }));
      server = await home.start({
        ANTHILL_UPSTREAM_BASE_URL: provider.url,
        ANTHILL_UPSTREAM_API_KEY: 'k',
        ANTHILL_UPSTREAM_PROFILE: profile,
      });
    });
    after(async () => {
      await home.remove();
      await provider.close();
    });

    const lastMessages = () => {
      const body = provider.requests.at(-1)?.body as {
        messages: { role: string; content: { text: string }[] }[];
      };
      return body.messages.map(({ role, content }) => [role, content.map(({ text }) => text).join('|')]);
    };
    const heard = (words: string) =>
      profile === 'anthropic'
        ? [
            ['user', words],
            ['system', 'Be brief.'],
          ]
        : [['user', `${words}|<system>\nBe brief.\n</system>`]];

    test('ride along with a message and are listed behind it', async () => {
      const { client } = server;
      const session = await openSession(client, { model: 'claude-opus-5-5' });
      await collect(client, session.id, () => send(client, session.id, message('hi'), system('Be brief.')));
      assert.deepEqual(lastMessages(), heard('hi'));
      const events = await listAll(client, session.id);
      assert.deepEqual(
        events.map(({ type }) => type).filter((type) => /^(user|system|span)\./.test(type)),
        ['user.message', 'system.message', 'span.model_request_start', 'span.model_request_end'],
      );
    });

    test('wait for the next message when they come alone', async () => {
      const { client } = server;
      const session = await openSession(client, { model: 'claude-opus-5-5' });
      const { data } = await send(client, session.id, system('Be brief.'));
      assert.equal(data?.[0]?.processed_at, null);
      assert.equal((await client.beta.sessions.retrieve(session.id)).status, 'idle');
      await collect(client, session.id, () => send(client, session.id, message('hi')));
      assert.deepEqual(lastMessages(), heard('hi'));
    });

    test('are refused by models that do not take them', async () => {
      const session = await openSession(server.client, { model: 'claude-haiku-4-5' });
      const code = 'model_does_not_support_mid_conversation_system';
      const reply = await call(server, {
        path: `/v1/sessions/${session.id}/events`,
        body: { events: [message('hi'), system('x')] },
      });
      assertRefused(reply, {
        status: 400,
        type: 'invalid_request_error',
        message: new RegExp(`^events\\[1\\]: ${code}: model "claude-haiku-4-5"`),
        errorCode: code,
      });
      assert.deepEqual(await listAll(server.client, session.id), []);
    });
  });

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { messageEnd, messageStart, modelRequest, sse } from '../../../test/support/model-stream.ts';
import { startRecordingServer } from '../../../test/support/recording-server.ts';
import { createCatalog } from '../../domain/default-catalog.ts';
import { createRoutingModel } from './routing-model.ts';

const catalog = createCatalog([]);
const never = new AbortController().signal;
const ask = (model: ReturnType<typeof createRoutingModel>, id: string) =>
  model.request(modelRequest({ model: { id } }), () => {}, never);

describe('who answers', () => {
  test('is the scripted endpoint for scripted models and the upstream for all others', async () => {
    const answer = sse([messageStart, ...messageEnd('end_turn')]);
    const server = await startRecordingServer(() => ({
      headers: { 'content-type': 'text/event-stream' },
      body: answer,
    }));
    const scripted: unknown[] = [];
    const model = createRoutingModel({
      scripted: async (request) => {
        scripted.push(Reflect.get(Object(await request.json()), 'model'));
        return new Response(answer);
      },
      upstream: { baseUrl: server.url, apiKey: 'sk-test', profile: 'anthropic', serverTools: [] },
      catalog,
    });
    for (const id of ['scripted/demo', 'claude-opus-5-5', 'qwen3-coder', 'scripted/x']) {
      assert.equal((await ask(model, id)).type, 'reply');
    }
    await server.close();
    assert.deepEqual(scripted, ['scripted/demo', 'scripted/x']);
    assert.deepEqual(
      server.requests.map(({ body }) => Reflect.get(Object(body), 'model')),
      ['claude-opus-5-5', 'qwen3-coder'],
    );
  });

  test('is nobody without an upstream, and the failure says what to do', async () => {
    const model = createRoutingModel({ scripted: async () => new Response(), upstream: null, catalog });
    const outcome = await ask(model, 'claude-opus-5-5');
    assert.ok(outcome.type === 'failure');
    assert.equal(outcome.retryable, false);
    assert.match(outcome.message, /ANTHROPIC_API_KEY/);
  });
});

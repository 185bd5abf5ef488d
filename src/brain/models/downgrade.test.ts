import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { messageEnd, messageStart, modelRequest, sse } from '../../../test/support/model-stream.ts';
import type { Answer, RecordingServer } from '../../../test/support/recording-server.ts';
import { startRecordingServer } from '../../../test/support/recording-server.ts';
import type { Model, ModelRequest } from '../../domain/model.ts';
import { createMessagesModel } from './messages-model.ts';
import { profileOf } from './profile.ts';

const never = new AbortController().signal;
const image = { type: 'image', source: { type: 'url', url: 'https://x/y.png' } };
const pdf = { type: 'document', source: { type: 'url', url: 'https://x/y.pdf' } };
const found = {
  type: 'search_result',
  source: 'https://x/',
  title: 'X',
  content: [{ type: 'text', text: 'x' }],
  citations: { enabled: false },
};
const thinking = { type: 'thinking', thinking: 'Hm.', signature: 'old' };
const words = (text: string) => ({ type: 'text', text });

/** A request that asks for everything. */
const rich: ModelRequest = modelRequest({
  model: { id: 'claude-opus-5-5', effort: { type: 'low' }, speed: 'fast', inference_geo: 'us' },
  system: 'Be kind.',
  tools: [{ name: 'bash', input_schema: { type: 'object' } }],
  messages: [
    { role: 'user', content: [words('a')] },
    { role: 'assistant', content: [thinking, words('b')] },
    { role: 'user', content: [image, pdf, found, words('c')] },
    { role: 'system', content: [words('Be brief.')] },
  ],
});

/** What endpoints say of what they do not have, and what must be gone from the next request. */
const complaints: readonly (readonly [complaint: string, gone: RegExp, isLasting: boolean])[] = [
  ['system.0.cache_control: Extra inputs are not permitted', /"cache_control"/, true],
  ['output_config: Extra inputs are not permitted', /"output_config"/, true],
  ['This model does not support the effort parameter.', /"output_config"/, true],
  ['thinking: Extra inputs are not permitted', /"thinking":\{/, true],
  ['adaptive thinking is not supported on this model', /"thinking":\{/, true],
  ["'claude-x' does not support the `speed` parameter.", /"speed"/, true],
  ['inference_geo: Extra inputs are not permitted', /"inference_geo"/, true],
  ["messages.3.role: Input should be 'user' or 'assistant'", /"role":"system"/, true],
  ['Unexpected role "system". Allowed roles are "user" and "assistant".', /"role":"system"/, true],
  ['messages.1.content.0: Invalid `signature` in `thinking` block', /"type":"thinking","thinking"/, false],
  ['This model does not support image input', /"type":"image"/, false],
  ['context_management: Extra inputs are not permitted', /"context_management"/, true],
  [
    "messages.2.content.2: Input tag 'search_result' found using 'type' does not match any of: 'document', 'image', 'text'",
    /"type":"search_result"/,
    false,
  ],
  ['document blocks are not supported', /"type":"document"/, false],
];

describe('an endpoint that does not have what is asked for', () => {
  let server: RecordingServer;
  /** Patterns in a body that the endpoint refuses, with what it says. */
  let refuses: readonly (readonly [RegExp, string])[] = [];
  let model: Model;

  before(async () => {
    server = await startRecordingServer(({ body }): Answer => {
      const found = refuses.find(([pattern]) => pattern.test(JSON.stringify(body)));
      if (found) {
        const error = { type: 'invalid_request_error', message: found[1] };
        return { status: 400, body: { type: 'error', error } };
      }
      return {
        headers: { 'content-type': 'text/event-stream' },
        body: sse([messageStart, ...messageEnd('end_turn')]),
      };
    });
  });
  beforeEach(() => {
    server.requests.length = 0;
    model = createMessagesModel({
      baseURL: server.url,
      apiKey: 'k',
      profile: profileOf('anthropic'),
      limitsOf: () => ({ outputTokensMax: 64_000, contextTokensMax: 200_000 }),
    });
  });
  after(() => server.close());

  const ask = (request = rich) => model.request(request, () => {}, never);
  const bodies = () => server.requests.map(({ body }) => JSON.stringify(body));

  for (const [complaint, gone, isLasting] of complaints)
    test(`"${complaint}" is asked again without it`, async () => {
      refuses = [[gone, complaint]];
      assert.equal((await ask()).type, 'reply');
      const [first = '', second = ''] = bodies();
      assert.match(first, gone);
      assert.doesNotMatch(second, gone);
      assert.equal(bodies().length, 2);
      await ask();
      assert.equal(bodies().length, isLasting ? 3 : 4, 'the next request');
    });

  test('several things are left out one after the other, and all the rest stays', async () => {
    refuses = complaints.map(([complaint, gone]) => [gone, complaint]);
    assert.equal((await ask()).type, 'reply');
    assert.match(bodies().at(-1) ?? '', /Be kind\..*|Be brief\./);
    assert.ok(bodies().length <= 12, `${bodies().length} requests`);
  });

  test('another model of the endpoint is asked for everything', async () => {
    refuses = [[/"output_config"/, 'output_config: Extra inputs are not permitted']];
    await ask();
    server.requests.length = 0;
    await ask({ ...rich, model: { ...rich.model, id: 'claude-fable-5-2' } });
    assert.match(bodies()[0] ?? '', /"output_config"/);
  });

  test('any other refusal is final, and sent once', async () => {
    refuses = [[/./, 'prompt is too long: 210000 tokens > 200000 maximum']];
    const outcome = await ask();
    assert.ok(outcome.type === 'failure' && !outcome.retryable);
    assert.equal(bodies().length, 1);
  });
});

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import {
  blockEvents,
  inputDeltas,
  messageEnd,
  messageStart,
  modelRequest,
  richContent,
  richReply,
  shortContent,
  shortReply,
  sse,
  streamedTexts,
  textDeltas,
} from '../../../test/support/model-stream.ts';
import type { Answer, RecordingServer } from '../../../test/support/recording-server.ts';
import { startRecordingServer } from '../../../test/support/recording-server.ts';
import type { Model, ModelDelta, ModelFailure, ModelReply, ModelRequest } from '../../domain/model.ts';
import type { MessagesModelOptions } from './messages-model.ts';
import { createMessagesModel } from './messages-model.ts';
import { profileOf } from './profile.ts';

const never = new AbortController().signal;
const hello = [messageStart, ...blockEvents(0, { type: 'text', text: '' }, textDeltas('Hel', 'lo'))];

let server: RecordingServer;
let upstream: Model;
let answer: Answer = {};
before(async () => {
  server = await startRecordingServer(() => answer);
  upstream = model();
});
after(() => server.close());
afterEach(() => {
  server.requests.length = 0;
});

const streaming = (body: string | Uint8Array): Answer => ({
  headers: { 'content-type': 'text/event-stream' },
  body,
});

function model(options: Partial<MessagesModelOptions> = {}) {
  return createMessagesModel({
    baseURL: server.url,
    apiKey: 'sk-test',
    profile: profileOf('anthropic'),
    limitsOf: () => ({ outputTokensMax: 64_000, contextTokensMax: 200_000 }),
    ...options,
  });
}

async function ask(given: Answer, request: ModelRequest = modelRequest()) {
  answer = given;
  const deltas: ModelDelta[] = [];
  const outcome = await upstream.request(request, (delta) => deltas.push(delta), never);
  return { outcome, deltas };
}

async function reply(body: string): Promise<ModelReply> {
  const { outcome } = await ask(streaming(body));
  assert.ok(outcome.type === 'reply', JSON.stringify(outcome));
  return outcome;
}

async function failure(given: Answer): Promise<ModelFailure> {
  const { outcome } = await ask(given);
  assert.ok(outcome.type === 'failure', JSON.stringify(outcome));
  return outcome;
}

describe('a reply of the Messages API', () => {
  test('keeps every block as the provider sent it, known or not', async () => {
    const { content, malformed, stopReason, refusal, servedBy } = await reply(sse(richReply));
    assert.deepEqual(content, richContent);
    assert.deepEqual(
      { malformed, stopReason, refusal, servedBy },
      { malformed: [], stopReason: 'tool_use', refusal: null, servedBy: 'claude-opus-5-5-20260915' },
    );
  });

  test('is told in deltas while it grows', async () => {
    const { deltas } = await ask(streaming(sse(richReply)));
    assert.deepEqual([...streamedTexts(deltas)], [[2, 'Grüße, 世界 🐜']]);
    assert.deepEqual(
      deltas.flatMap((delta) => (delta.type === 'block_start' ? [delta.block] : [])),
      richContent.map(({ type }) => type),
    );
  });

  test('text that a block starts with is part of its deltas', async () => {
    const body = sse([
      messageStart,
      ...blockEvents(0, { type: 'text', text: 'Hel' }, textDeltas('lo')),
      ...messageEnd('end_turn'),
    ]);
    const { outcome, deltas } = await ask(streaming(body));
    assert.deepEqual(outcome.type === 'reply' && outcome.content, [{ type: 'text', text: 'Hello' }]);
    assert.deepEqual([...streamedTexts(deltas)], [[0, 'Hello']]);
  });

  test('merges the usage of its start and its end; nulls change nothing', async () => {
    assert.deepEqual((await reply(sse(richReply))).usage, {
      inputTokens: 12,
      outputTokens: 42,
      cacheReadInputTokens: 100,
      cacheCreation5mInputTokens: 50,
      cacheCreation1hInputTokens: 20,
      speed: null,
    });
  });

  test('counts the searches that the provider made', async () => {
    const end = { type: 'message_delta', delta: { stop_reason: 'end_turn' } };
    const server_tool_use = { web_search_requests: 3, web_fetch_requests: 1 };
    const events = [
      ...hello,
      { ...end, usage: { output_tokens: 1, server_tool_use } },
      { type: 'message_stop' },
    ];
    assert.equal((await reply(sse(events))).usage.webSearches, 3);
  });

  const malformed: readonly (readonly [name: string, deltas: readonly string[]])[] = [
    ['cut JSON', ['{"command": "l']],
    ['a list', ['[1,', '2]']],
    ['a bare word', ['ls']],
    ['null', ['null']],
  ];
  for (const [name, deltas] of malformed) {
    test(`tool input that is ${name} is empty and marked`, async () => {
      const use = { type: 'tool_use', id: 'toolu_1', name: 'bash', input: {} };
      const events = [
        messageStart,
        ...blockEvents(0, use, inputDeltas(...deltas)),
        ...messageEnd('tool_use'),
      ];
      const { content, malformed } = await reply(sse(events));
      assert.deepEqual([content, malformed], [[use], ['toolu_1']]);
    });
  }

  test('a refusal carries its category and explanation', async () => {
    const details = { type: 'refusal', category: 'cyber', explanation: 'No.' };
    const refused = await reply(sse([...hello, ...messageEnd('refusal', { stop_details: details })]));
    assert.deepEqual(refused.refusal, { category: 'cyber', explanation: 'No.' });
    const silent = await reply(sse([...hello, ...messageEnd('refusal')]));
    assert.deepEqual(silent.refusal, { category: null, explanation: null });
  });

  test('events, deltas and fields nobody knows yet are passed over', async () => {
    const { content } = await reply(
      sse([
        messageStart,
        { type: 'message_sparkle', colour: 'red' },
        ...blockEvents(0, { type: 'text', text: '' }, [{ type: 'glow_delta', glow: 1 }, ...textDeltas('Hi')]),
        { type: 'content_block_delta', index: 99, delta: { type: 'text_delta', text: 'lost' } },
        ...messageEnd('end_turn'),
      ]),
    );
    assert.deepEqual(content, [{ type: 'text', text: 'Hi' }]);
  });
});

describe('a stream that ends early', () => {
  const bytes = Buffer.from(sse(shortReply));
  // The reply is whole with the line that ends it, whether or not the blank line after it came.
  const wholeFrom = bytes.length - '\n\n'.length;

  for (const [how, isCut] of [
    ['closed', false],
    ['broken', true],
  ] as const) {
    test(`${how} after any byte it is a failure to retry, or the whole reply`, async () => {
      for (let length = 0; length <= bytes.length; length++) {
        const { outcome } = await ask({ ...streaming(bytes.subarray(0, length)), isCut });
        if (outcome.type === 'reply') {
          assert.ok(length >= wholeFrom, `a reply after ${length} of ${bytes.length} bytes`);
          assert.deepEqual(outcome.content, shortContent);
        } else {
          assert.ok(isCut || length < bytes.length, `no reply after all bytes: ${outcome.message}`);
          assert.deepEqual([outcome.kind, outcome.retryable], ['request_failed', true]);
        }
      }
    });
  }

  test('a reply that is whole stays one when its connection breaks', async () => {
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(bytes),
      pull: (controller) => controller.error(new Error('reset')),
    });
    const broken = model({ fetch: async () => new Response(body, streaming('')) });
    const outcome = await broken.request(modelRequest(), () => {}, never);
    assert.deepEqual(outcome.type === 'reply' && outcome.content, shortContent);
  });

  const useless: readonly (readonly [name: string, body: string])[] = [
    ['nothing', ''],
    ['a page', '<html>Welcome</html>'],
    ['JSON', '{"type":"message","content":[]}'],
    ['events that are not JSON', 'event: message_start\ndata: {oops\n\n'],
    ['events that are no objects', 'event: message_start\ndata: null\n\nevent: message_stop\ndata: 7\n\n'],
    ['a message without a stop reason', sse([messageStart, { type: 'message_stop' }])],
  ];
  for (const [name, body] of useless) {
    test(`an answer of ${name} is a failure to retry`, async () => {
      const { kind, retryable } = await failure(streaming(body));
      assert.deepEqual([kind, retryable], ['request_failed', true]);
    });
  }
});

describe('a request that fails', () => {
  const error = (type: string, message = 'Because.') => ({ type: 'error', error: { type, message } });
  const statuses: readonly (readonly [
    status: number,
    type: string,
    kind: ModelFailure['kind'],
    retryable: boolean,
  ])[] = [
    [400, 'invalid_request_error', 'request_failed', false],
    [401, 'authentication_error', 'request_failed', false],
    [402, 'billing_error', 'billing', false],
    [403, 'permission_error', 'request_failed', false],
    [404, 'not_found_error', 'request_failed', false],
    [408, 'timeout_error', 'request_failed', true],
    [409, 'conflict_error', 'request_failed', true],
    [413, 'request_too_large', 'request_failed', false],
    [429, 'rate_limit_error', 'rate_limited', true],
    [500, 'api_error', 'request_failed', true],
    [503, 'api_error', 'request_failed', true],
    [529, 'overloaded_error', 'overloaded', true],
  ];
  for (const [status, type, kind, retryable] of statuses) {
    test(`with ${status} is ${kind}, ${retryable ? 'to be retried' : 'for good'}, and was sent once`, async () => {
      assert.deepEqual(await failure({ status, body: error(type) }), {
        type: 'failure',
        kind,
        message: `Because. (HTTP ${status})`,
        retryable,
        retryAfterMs: null,
      });
      assert.equal(server.requests.length, 1);
    });
  }

  const waits: readonly (readonly [status: number, header: string, ms: number | null])[] = [
    [429, '7', 7_000],
    [429, '0', 0],
    [429, '0.5', 500],
    [529, '3', 3_000],
    [503, '3', 3_000],
    [429, '86400', 120_000],
    [429, 'soon', null],
    [429, '-1', null],
    [429, 'Wed, 21 Oct 2026 07:28:00 GMT', null],
  ];
  for (const [status, header, ms] of waits) {
    test(`with ${status} and retry-after "${header}" asks for ${ms} ms`, async () => {
      const given = { status, headers: { 'retry-after': header }, body: error('x') };
      assert.equal((await failure(given)).retryAfterMs, ms);
    });
  }

  const reported: readonly (readonly [type: string, kind: ModelFailure['kind'], retryable: boolean])[] = [
    ['overloaded_error', 'overloaded', true],
    ['rate_limit_error', 'rate_limited', true],
    ['api_error', 'request_failed', true],
    ['billing_error', 'billing', false],
    ['invalid_request_error', 'request_failed', false],
  ];
  for (const [type, kind, retryable] of reported) {
    test(`by ${type} in the middle of its stream is ${kind}`, async () => {
      const outcome = await failure(streaming(sse([...hello, error(type)])));
      assert.deepEqual([outcome.kind, outcome.retryable, outcome.message], [kind, retryable, 'Because.']);
    });
  }

  test('with a page instead of JSON says what the page says, but not all of it', async () => {
    const page = `<html>Bad gateway${'.'.repeat(100_000)}</html>`;
    const given = { status: 502, headers: { 'content-type': 'text/html' }, body: page };
    const { message, retryable } = await failure(given);
    assert.match(message, /^502 <html>Bad gateway/);
    assert.ok(message.length < 1_100);
    assert.equal(retryable, true);
  });

  test('without a server to connect to is to be retried', async () => {
    const gone = await startRecordingServer();
    await gone.close();
    const outcome = await model({ baseURL: gone.url }).request(modelRequest(), () => {}, never);
    assert.deepEqual(outcome.type === 'failure' && [outcome.kind, outcome.retryable], [
      'request_failed',
      true,
    ]);
  });
});

describe('an abort', () => {
  test('in the middle of a stream rejects with its reason', async () => {
    answer = { ...streaming(sse(hello)), isOpen: true };
    const abort = new AbortController();
    const reason = new Error('enough');
    const asked = model().request(
      modelRequest(),
      ({ type }) => type === 'text' && abort.abort(reason),
      abort.signal,
    );
    await assert.rejects(asked, reason);
  });

  test('before the answer rejects with its reason', async () => {
    const abort = new AbortController();
    const reason = new Error('enough');
    const silent = model({
      fetch: (_, init) =>
        new Promise((_, reject) => {
          init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
          abort.abort(reason);
        }),
    });
    await assert.rejects(
      silent.request(modelRequest(), () => {}, abort.signal),
      reason,
    );
  });

  test('before the request sends nothing', async () => {
    const reason = new Error('enough');
    await assert.rejects(
      model().request(modelRequest(), () => {}, AbortSignal.abort(reason)),
      reason,
    );
    assert.equal(server.requests.length, 0);
  });
});

describe('what is sent', () => {
  const sent = async (options: Partial<MessagesModelOptions> = {}, request = modelRequest()) => {
    answer = streaming(sse([...hello, ...messageEnd('end_turn')]));
    await model(options).request(request, () => {}, never);
    const [recorded] = server.requests.splice(0);
    assert.ok(recorded);
    return recorded;
  };
  const fast = modelRequest({ model: { id: 'claude-opus-5-5', speed: 'fast' } });

  test('the key, the version, and no beta', async () => {
    const { method, url, headers } = await sent();
    assert.deepEqual([method, url], ['POST', '/v1/messages']);
    assert.equal(headers['x-api-key'], 'sk-test');
    assert.equal(headers['anthropic-version'], '2026-10-21');
    assert.equal(headers['anthropic-beta'], undefined);
    assert.equal(headers.authorization, undefined);
  });

  test('no key where the endpoint wants none', async () => {
    const { headers } = await sent({ apiKey: null });
    assert.deepEqual([headers['x-api-key'], headers.authorization], [undefined, undefined]);
  });

  test('the beta of fast mode with a fast request only, and only where it is known', async () => {
    assert.equal((await sent({}, fast)).headers['anthropic-beta'], 'fast-mode-2026-02-01');
    assert.equal((await sent({ profile: profileOf('generic') }, fast)).headers['anthropic-beta'], undefined);
  });

  test('nothing that the environment of the server says', async () => {
    const expected = await sent();
    const foreign = {
      ANTHROPIC_API_KEY: 'sk-foreign',
      ANTHROPIC_AUTH_TOKEN: 'foreign',
      ANTHROPIC_BASE_URL: 'http://127.0.0.1:1/foreign',
      ANTHROPIC_CUSTOM_HEADERS:
        'x-foreign: 1\nX-Api-Key: foreign\nAuthorization: Bearer foreign\nanthropic-beta: foreign\nanthropic-version: foreign',
      ANTHROPIC_LOG: 'debug',
      ANTHROPIC_PROFILE: 'foreign',
    };
    const before = { ...process.env };
    Object.assign(process.env, foreign);
    try {
      assert.deepEqual(await sent(), expected);
    } finally {
      for (const name of Object.keys(foreign)) {
        if (before[name] === undefined) delete process.env[name];
        else process.env[name] = before[name];
      }
    }
  });
});

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { scriptedPlace, scriptedRequest } from '../../../../test/support/scripted.ts';

const scenarios = {
  plain: 'rules: [{ reply: [{ text: Fine. }] }]',
  broken: 'rules: [{ reply: [{ tex: typo }] }]',
  torn: 'rules: [{',
  stubborn: 'rules: [{ fail: {} }]',
  patient: 'rules: [{ fail: { status: 429, message: Slow down., retry_after: 7 } }]',
  healing: 'rules: [{ fail: { times: 2 }, reply: [{ text: Fine. }] }]',
  // The same rules as above: how often one failed says nothing about the other.
  healing2: 'rules: [{ fail: { times: 2 }, reply: [{ text: Fine. }] }]',
  picky: 'rules: [{ when: { user: please }, reply: [{ text: Fine. }] }]',
};

const { client, endpoint, put, remove } = scriptedPlace(scenarios);
after(remove);

/** What came back: the text of the answer, or the error. */
async function ask(name: string, said = 'hi') {
  try {
    const { content } = await client.messages.create(scriptedRequest(name, said));
    return content[0]?.type === 'text' ? content[0].text : content;
  } catch (cause) {
    assert.ok(cause instanceof Anthropic.APIError);
    const { status, type, apiMessage, headers } = cause;
    return { status, type, message: apiMessage, retryAfter: headers?.get('retry-after') ?? null };
  }
}

const error = (status: number, type: string, message: string, retryAfter: string | null = null) => ({
  status,
  type,
  message,
  retryAfter,
});

describe('the door of the scripted endpoint', () => {
  const headers = { 'x-api-key': 'k', 'anthropic-version': '2026-10-21' };
  const body = JSON.stringify(scriptedRequest('plain', 'hi'));
  type Case = readonly [name: string, path: string, init: RequestInit, status: number, message: RegExp];
  const cases: readonly Case[] = [
    ['another path', '/v1/complete', { method: 'POST', headers, body }, 404, /Not found/],
    ['another method', '/v1/messages', { headers }, 404, /Not found/],
    [
      'no key',
      '/v1/messages',
      { method: 'POST', headers: { ...headers, 'x-api-key': '' }, body },
      401,
      /x-api-key header is required/,
    ],
    [
      'no version',
      '/v1/messages',
      { method: 'POST', headers: { 'x-api-key': 'k' }, body },
      400,
      /anthropic-version: header is required/,
    ],
    [
      'a body that is not JSON',
      '/v1/messages',
      { method: 'POST', headers, body: '{' },
      400,
      /not valid JSON/,
    ],
    [
      'a body that the API refuses',
      '/v1/messages',
      { method: 'POST', headers, body: '{}' },
      400,
      /model: Field required/,
    ],
  ];
  for (const [name, path, init, status, message] of cases) {
    test(`refuses ${name} with ${status}`, async () => {
      const response = await endpoint(new Request(`http://scripted.internal${path}`, init));
      const { type, error } = (await response.json()) as { type: string; error: { message: string } };
      assert.deepEqual([response.status, type], [status, 'error']);
      assert.match(error.message, message);
      assert.match(response.headers.get('request-id') ?? '', /^req_/);
    });
  }

  test('a bearer token is a key too', async () => {
    const bearer = { ...headers, 'x-api-key': '', authorization: 'Bearer k' };
    const request = new Request('http://scripted.internal/v1/messages', {
      method: 'POST',
      headers: bearer,
      body,
    });
    assert.equal((await endpoint(request)).status, 200);
  });
});

describe('scenario files', () => {
  test('are found by the name of the model; others are not', async () => {
    assert.equal(await ask('plain'), 'Fine.');
    assert.deepEqual(await ask('gone'), error(404, 'not_found_error', 'model: scripted/gone'));
    assert.deepEqual(await ask('../plain'), error(404, 'not_found_error', 'model: scripted/../plain'));
  });

  test('that cannot be used are named, with the place of the mistake', async () => {
    const broken = await ask('broken');
    assert.ok(typeof broken === 'object' && 'status' in broken && broken.status === 400);
    assert.match(
      broken.message ?? '',
      /broken\.yaml cannot be used: rules\[0\]\.reply\[0\]\.tex: unknown field/,
    );
    const torn = await ask('torn');
    assert.match(
      ('message' in Object(torn) && Reflect.get(Object(torn), 'message')) || '',
      /torn\.yaml cannot be used: .*line 1/s,
    );
  });

  test('are read again when they change, appear or vanish', async () => {
    put('edited', 'rules: [{ reply: [{ text: one }] }]');
    assert.equal(await ask('edited'), 'one');
    put('edited', 'rules: [{ reply: [{ text: three }] }]');
    assert.equal(await ask('edited'), 'three');
  });

  test('may have no rule for a request', async () => {
    assert.equal(await ask('picky', 'Please.'), 'Fine.');
    const message = 'no rule of the scenario matches this request';
    assert.deepEqual(await ask('picky', 'Now!'), error(400, 'invalid_request_error', message));
  });
});

describe('scripted failures', () => {
  test('are overloads for ever unless told otherwise', async () => {
    for (let attempt = 0; attempt < 3; attempt++)
      assert.deepEqual(await ask('stubborn'), error(529, 'overloaded_error', 'scripted failure'));
  });

  test('say how long to wait', async () => {
    assert.deepEqual(await ask('patient'), error(429, 'rate_limit_error', 'Slow down.', '7'));
  });

  test('heal after as many attempts as they should, for each conversation', async () => {
    for (const said of ['one', 'two']) {
      const answers = [];
      for (let attempt = 0; attempt < 4; attempt++) answers.push(await ask('healing', said));
      const overloaded = error(529, 'overloaded_error', 'scripted failure');
      assert.deepEqual(answers, [overloaded, overloaded, 'Fine.', 'Fine.']);
    }
  });

  test('of one scenario say nothing about another', async () => {
    assert.equal(typeof (await ask('healing2', 'one')), 'object');
    assert.equal(typeof (await ask('healing2', 'one')), 'object');
    assert.equal(await ask('healing2', 'one'), 'Fine.');
  });
});

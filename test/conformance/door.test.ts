import assert from 'node:assert/strict';
import { request } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { routes } from '../../src/protocol/routes.ts';
import type { ServerProcess } from '../support/server.ts';
import { contents } from '../support/server-contents.ts';
import type { Expected, Sent } from '../support/server-http.ts';
import { assertRefused, call } from '../support/server-http.ts';
import { openSession } from '../support/server-sessions.ts';
import { describeServer } from '../support/server-suite.ts';

const mebibyte = 1024 * 1024;
const agent = { name: 'Ant', model: 'scripted/demo' };

const bad = (message: string | RegExp): Expected => ({ status: 400, type: 'invalid_request_error', message });
const stranger = (message: string): Expected => ({ status: 401, type: 'authentication_error', message });
const nowhere: Expected = { status: 404, type: 'not_found_error', message: 'Not found' };
const tooDeep = bad('Failed to parse request body: nested more than 256 levels deep');
const tooLarge: Expected = {
  status: 413,
  type: 'request_too_large',
  message: 'Request exceeds the maximum size of 33554432 bytes',
};

function nested(depth: number): string {
  return `{"name":"Ant","model":"scripted/demo","metadata":${'['.repeat(depth)}${']'.repeat(depth)}}`;
}
function nestedSchema(depth: number): string {
  const schema = `{"type":"object","properties":${'{"a":'.repeat(depth)}{}${'}'.repeat(depth)}}`;
  const tool = `{"type":"custom","name":"deep","description":"d","input_schema":${schema}}`;
  return `{"name":"Ant","model":"scripted/demo","tools":[${tool}]}`;
}
const post = (body: unknown, headers: Sent['headers'] = {}): Sent => ({ path: '/v1/agents', body, headers });
const get = (headers: NonNullable<Sent['headers']>): Sent => ({ path: '/v1/sessions', headers });
const badUtf8 = Buffer.concat([
  Buffer.from('{"name":"'),
  Buffer.from([0xc3, 0x28]),
  Buffer.from('","model":"scripted/demo"}'),
]);

const cases: readonly (readonly [name: string, sent: Sent, expected: Expected])[] = [
  ['no key', get({ 'x-api-key': null }), stranger('x-api-key header is required')],
  ['an empty key', get({ 'x-api-key': '' }), stranger('x-api-key header is required')],
  ['a wrong key', get({ 'x-api-key': 'sk-anthill-wrong' }), stranger('invalid x-api-key')],
  [
    'a wrong bearer token',
    get({ 'x-api-key': null, authorization: 'Bearer x' }),
    stranger('invalid x-api-key'),
  ],
  [
    'another kind of authorization',
    get({ 'x-api-key': null, authorization: 'Basic eDp5' }),
    stranger('x-api-key header is required'),
  ],
  ['no version', get({ 'anthropic-version': null }), bad(/^anthropic-version: .*required/)],
  ['an unknown version', get({ 'anthropic-version': '1999-01-01' }), bad(/^anthropic-version: "1999-01-01"/)],
  ['no beta value', get({ 'anthropic-beta': null }), nowhere],
  ['a beta value for something else', get({ 'anthropic-beta': 'files-api-2025-04-14' }), nowhere],
  [
    'an unknown beta value',
    get({ 'anthropic-beta': 'managed-agents-2026-04-01,moon-2026' }),
    bad(/`moon-2026` for the `anthropic-beta` header/),
  ],
  ['an unknown path', { path: '/v1/ants' }, nowhere],
  ['an unknown path without a key', { path: '/v1/ants', headers: { 'x-api-key': null } }, nowhere],
  ['a path behind a good one', { path: '/v1/agents/agent_01/tools' }, nowhere],
  ['a slash too many', { path: '/v1/agents/' }, nowhere],
  [
    'a path that climbs',
    { path: '/v1/sessions/..%2f..%2fetc%2fpasswd' },
    { ...nowhere, message: /not found/i },
  ],
  ['a path that is badly encoded', { path: '/v1/sessions/%zz' }, { ...nowhere, message: /not found/i }],
  [
    'a parameter by the name of what every object has',
    { path: '/v1/agents?constructor=x' },
    bad('unknown query parameter "constructor"'),
  ],
  [
    'a method nobody knows here',
    { method: 'PUT', path: '/v1/agents', body: agent },
    { ...bad(/^Method PUT is not allowed here; use (POST or GET|GET or POST)$/), status: 405 },
  ],
  [
    'a delete of what cannot be deleted',
    { method: 'DELETE', path: '/v1/agents/agent_01' },
    { ...bad(/^Method DELETE is not allowed here/), status: 405 },
  ],
  ['a body that is no JSON', post('{"name":'), bad('Failed to parse request body: invalid JSON')],
  ['a body with something behind it', post('{} {}'), bad('Failed to parse request body: invalid JSON')],
  ['no body', post(''), bad('Failed to parse request body: the body is empty')],
  ['a body of blanks', post(' \n '), bad('Failed to parse request body: the body is empty')],
  ['a body that is no UTF-8', post(badUtf8), bad('Failed to parse request body: invalid UTF-8')],
  [
    'a field that copies would lose',
    post('{"name":"Ant","model":"scripted/demo","metadata":{"__proto__":"x"}}'),
    bad('Failed to parse request body: unknown field "__proto__"'),
  ],
  [
    'a form',
    post('name=Ant', { 'content-type': 'application/x-www-form-urlencoded' }),
    bad(/^content-type: .* is not supported; send application\/json$/),
  ],
  [
    'plain text',
    post(agent, { 'content-type': 'text/plain' }),
    bad(/^content-type: "text\/plain" is not supported/),
  ],
  ['a body of 33 MB', post(`{"name":"${'a'.repeat(33 * mebibyte)}"}`), tooLarge],
  ['lists a million deep', post(nested(1_000_000)), tooDeep],
  ['a schema a hundred thousand deep', post(nestedSchema(100_000)), tooDeep],
  ['a schema a thousand deep', post(nestedSchema(1_000)), tooDeep],
];

describeServer('the door', ({ server }) => {
  for (const [name, sent, expected] of cases) {
    test(`refuses ${name}`, async () => {
      const earlier = await contents(server);
      assertRefused(await call(server, sent), expected);
      assert.deepEqual(await contents(server), earlier);
    });
  }

  for (const [key, { beta, method, path }] of Object.entries(routes)) {
    const sent = {
      method,
      path: path.replace(/:\w+(\{\.\+\})?/g, 'x'),
      ...(method === 'POST' ? { body: {} } : {}),
    };
    test(`asks for the key before anything else: ${key}`, async () => {
      assertRefused(
        await call(server, { ...sent, headers: { 'x-api-key': null } }),
        stranger('x-api-key header is required'),
      );
    });
    if (beta === null) continue;
    test(`does not exist without its beta value: ${key}`, async () => {
      assertRefused(await call(server, { ...sent, headers: { 'anthropic-beta': null } }), nowhere);
    });
  }

  test('a wrong key fails in the SDK at once, without a retry', async () => {
    const client = new Anthropic({ baseURL: server.baseUrl, apiKey: 'sk-anthill-wrong' });
    await assert.rejects(client.beta.agents.list(), { status: 401, name: 'AuthenticationError' });
  });

  const good: readonly (readonly [name: string, sent: (key: string) => Sent])[] = [
    ['a bearer token', (key) => get({ 'x-api-key': null, authorization: `Bearer ${key}` })],
    [
      'beta values among others',
      () => get({ 'anthropic-beta': ' skills-2025-10-02 , managed-agents-2026-04-01' }),
    ],
    ['a beta query as the SDK appends it', () => ({ path: '/v1/sessions?beta=true' })],
    [
      'a content type with a charset',
      () => post(agent, { 'content-type': 'application/json; charset=utf-8' }),
    ],
    ['models without a beta value', () => ({ path: '/v1/models', headers: { 'anthropic-beta': null } })],
    ['lists by name[] and by name', () => ({ path: '/v1/sessions?statuses[]=idle&statuses=running' })],
    ['a schema two hundred deep', () => post(nestedSchema(200))],
  ];
  for (const [name, sent] of good) {
    test(`lets in ${name}`, async () => {
      const reply = await call(server, sent(server.apiKey));
      assert.equal(reply.status, 200, reply.text);
      assert.match(reply.headers.get('request-id') ?? '', /^req_\w+$/);
      assert.equal(reply.headers.get('x-should-retry'), null);
    });
  }

  test('a wrong method is told the right ones', async () => {
    const reply = await call(server, { method: 'PUT', path: '/v1/agents' });
    assert.deepEqual(reply.headers.get('allow')?.split(', ').sort(), ['GET', 'POST']);
  });

  test('finds a session under the older spelling of its id', async () => {
    const { id } = await openSession(server.client);
    const older = id.replace(/^sesn_/, 'session_');
    assert.equal((await server.client.beta.sessions.retrieve(older)).id, id);
  });

  test('keeps every character it was sent', async () => {
    const sent = {
      ...agent,
      name: '\u0000\u0001 \u2028 "\\ 🐜',
      description: 'a\u0000b',
      metadata: { constructor: 'kept', key: 'a\u0000b' },
    };
    const made = await server.client.beta.agents.create(sent);
    const kept = await server.client.beta.agents.retrieve(made.id);
    assert.deepEqual(
      [kept.name, kept.description, kept.metadata],
      [sent.name, sent.description, sent.metadata],
    );
  });

  test('a body that turns out too large is cut off while it is read', async () => {
    assert.equal(await streamedUpload(server), 413);
    assert.equal((await call(server, { path: '/v1/agents' })).status, 200);
  });

  test('a client that goes away in the middle of its body is forgotten', async () => {
    const earlier = await contents(server);
    await halfRequest(server);
    assert.deepEqual(await contents(server), earlier);
  });

  test('what a request expects besides its answer changes nothing', async () => {
    const sent = 'GET /v1/agents HTTP/1.1\r\nhost: x\r\nexpect: the-moon\r\nconnection: close\r\n\r\n';
    assert.match(await rawExchange(server, sent), /^HTTP\/1\.1 401 [\s\S]*"authentication_error"/);
  });

  test('bytes that are no HTTP get a 400 and harm nobody', async () => {
    assert.match(await rawExchange(server, 'ANTS ANTS ANTS\r\n\r\n'), /^HTTP\/1\.1 400 /);
    assert.equal((await fetch(`${server.baseUrl}/health`)).status, 200);
  });
});

/** 64 MB in chunks, no length announced. Resolves with the status. */
function streamedUpload(server: ServerProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = {
      'x-api-key': server.apiKey,
      'anthropic-version': '2023-06-01',
      'anthropic-beta': 'managed-agents-2026-04-01',
      'content-type': 'application/json',
    };
    const upload = request(`${server.baseUrl}/v1/agents`, { method: 'POST', headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
      upload.destroy();
    });
    // The server may hang up while we still write: only an answer counts.
    upload.on('error', (cause) => reject(cause));
    const chunk = Buffer.alloc(mebibyte, 'a');
    let left = 64;
    const write = () => {
      while (left-- > 0) if (!upload.write(chunk)) return void upload.once('drain', write);
      upload.end();
    };
    write();
  });
}

/** Announces more than it sends, then hangs up; resolves once the server has noticed. */
async function halfRequest(server: ServerProcess): Promise<void> {
  const { hostname, port } = new URL(server.baseUrl);
  const socket = connect(Number(port), hostname);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const head = `POST /v1/agents HTTP/1.1\r\nhost: x\r\nx-api-key: ${server.apiKey}\r\nanthropic-version: 2023-06-01\r\nanthropic-beta: managed-agents-2026-04-01\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n`;
  socket.end(`${head}{"name":"Ant",`);
  socket.resume();
  await closed;
}

function rawExchange(server: ServerProcess, text: string): Promise<string> {
  const { hostname, port } = new URL(server.baseUrl);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(text));
    let answer = '';
    socket.setEncoding('utf8').on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('close', () => resolve(answer)).on('error', reject);
  });
}

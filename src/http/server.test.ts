import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { test } from 'node:test';
import type { RunningServer } from './server.ts';
import { startServer } from './server.ts';

/** So long that a test that had to wait for it would fail. */
const forEver = 2 ** 31 - 1;

async function start(answer: () => Response | Promise<Response>): Promise<RunningServer> {
  return await startServer({ app: { fetch: answer }, host: '127.0.0.1', port: 0 });
}

async function opened(server: RunningServer): Promise<Socket> {
  const socket = connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

async function asking(server: RunningServer): Promise<Socket> {
  const socket = await opened(server);
  socket.write('GET / HTTP/1.1\r\nhost: ants\r\n\r\n');
  return socket;
}

/** All that comes until the server hangs up. */
async function readToEnd(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket.setEncoding('utf8')) text += chunk;
  return text;
}

test('a drain does not wait for a connection that never asked anything', async () => {
  const server = await start(() => new Response('hello'));
  const socket = await opened(server);
  // Another client's answer shows that the server has seen the first connection.
  const other = await asking(server);
  await once(other, 'data');
  await Promise.all([server.close(forEver), readToEnd(socket), readToEnd(other)]);
});

test('a drain waits for the answer under way, then ends its connection', async () => {
  const asked = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  const server = await start(async () => {
    asked.resolve();
    await finish.promise;
    return new Response('the whole answer');
  });
  const socket = await asking(server);
  await asked.promise;
  const closed = server.close(forEver);
  finish.resolve();
  assert.match(await readToEnd(socket), /^HTTP\/1\.1 200 [\s\S]*the whole answer/);
  await closed;
});

test('a drain ends the connection of a stream that ends meanwhile', async () => {
  const words = new TransformStream<Uint8Array, Uint8Array>();
  const writer = words.writable.getWriter();
  const server = await start(() => new Response(words.readable));
  const socket = await asking(server);
  void writer.write(Buffer.from('first'));
  await once(socket, 'data');
  const closed = server.close(forEver);
  await writer.close();
  await Promise.all([closed, readToEnd(socket)]);
});

test('while it drains it answers on, and every answer is the last of its connection', async () => {
  const asked = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  const server = await start(async () => {
    asked.resolve();
    await finish.promise;
    return new Response('hello');
  });
  const [before, idle] = [await asking(server), await opened(server)];
  await asked.promise;
  server.drain();
  finish.resolve();
  idle.write('GET / HTTP/1.1\r\nhost: ants\r\n\r\n');
  for (const socket of [before, idle, await asking(server)])
    assert.match(await readToEnd(socket), /^HTTP\/1\.1 200 [\s\S]*connection: close[\s\S]*hello/i);
  await server.close(forEver);
});

test('what is still open after the grace is cut', async () => {
  const server = await start(
    () => new Response(new ReadableStream({ start: (body) => body.enqueue(Buffer.from('x')) })),
  );
  const socket = await asking(server);
  await once(socket, 'data');
  socket.on('error', () => undefined);
  const gone = once(socket, 'close');
  await server.close(1);
  socket.resume();
  await gone;
});

for (const [what, request, status, message] of [
  ['that are no HTTP', 'HELLO\r\n\r\n', 400, 'the request is not valid HTTP'],
  ['whose headers are too large', `GET / HTTP/1.1\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'too large'],
  [
    'with two lengths',
    'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab',
    400,
    '',
  ],
] as const) {
  test(`requests ${what} are answered as every error is`, async () => {
    const server = await start(() => new Response('hello'));
    const socket = await opened(server);
    socket.write(request);
    const answer = await readToEnd(socket);
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    assert.match(head, new RegExp(`^HTTP/1.1 ${status} `));
    const { type, error, request_id } = JSON.parse(body);
    assert.deepEqual([type, error.type], ['error', 'invalid_request_error']);
    assert.ok(error.message.includes(message), error.message);
    assert.match(head, new RegExp(`request-id: ${request_id}`));
    await server.close(0);
  });
}

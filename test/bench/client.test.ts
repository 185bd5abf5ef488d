import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { Client } from './client.ts';
import { createClient } from './client.ts';

/** A client of a server that answers so. */
async function withClient(
  answer: RequestListener,
  use: (client: Client) => Promise<void>,
  endOfTurn?: string,
): Promise<void> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = createClient(
    `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    'none',
    endOfTurn,
  );
  try {
    await use(client);
  } finally {
    client.close();
    server.close();
  }
}

test('every 2xx is a good answer to the load client, with a body or without', async () => {
  await withClient(
    (request, response) => {
      if (request.url === '/made') response.writeHead(201).end('{"id":"agent_1"}');
      else if (request.url === '/taken') response.writeHead(202).end();
      else response.writeHead(409).end('no');
    },
    async (client) => {
      assert.deepEqual(await client.post('/made', {}), { id: 'agent_1' });
      assert.deepEqual(await client.post('/taken', {}), {});
      await assert.rejects(client.post('/refused', {}), /POST \/refused: 409 no/);
    },
  );
});

test('a request on a connection that was closed meanwhile goes out on another one', async () => {
  const used = new Set<unknown>();
  await withClient(
    ({ socket }, response) => {
      if (used.has(socket)) return void socket.destroy();
      used.add(socket);
      response.end('{}');
    },
    async (client) => {
      await client.post('/', {});
      await client.post('/', {});
      assert.equal(used.size, 2);
    },
  );
});

test('a turn ends once for each event that says so, by its name or only in its data', async () => {
  const frames = [
    'event: session.status_idle\r\ndata: {"type":"session.status_idle"}\r\n\r\n',
    'data: {"id":"sevt_1","type":"session.status_running"}\n\n',
    'id: 3\ndata: {"id":"sevt_2","type":"session.status_idle"}\n\n: a comment\n\n',
    'event: agent.message\ndata: {"content":"event: session.status_idle"}\n\n',
  ].join('');
  await withClient(
    (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const character of frames) response.write(character);
      response.end();
    },
    async (client) => {
      const stream = await client.stream('/');
      await stream.idle();
      await stream.idle();
      await assert.rejects(stream.idle(), /ended in the middle of a turn/);
    },
  );
});

test('another event can be the one that ends a turn', async () => {
  await withClient(
    (_, response) => void response.writeHead(200).write('event: agent.message\ndata: {}\n\n'),
    async (client) => await (await client.stream('/')).idle(),
    'agent.message',
  );
});

test('a terminated session ends the wait for its turn while its stream stays open', async () => {
  await withClient(
    (_, response) => void response.writeHead(200).write('event: session.status_terminated\ndata: {}\n\n'),
    async (client) => {
      const stream = await client.stream('/');
      await assert.rejects(stream.idle(), /a session was terminated/);
    },
  );
});

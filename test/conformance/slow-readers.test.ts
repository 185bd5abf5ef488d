import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { test } from 'node:test';
import type { ServerProcess } from '../support/server.ts';
import { residentMiB } from '../support/server-processes.ts';
import { message, openSession, say, send } from '../support/server-sessions.ts';
import { describeServer } from '../support/server-suite.ts';

const readers = 20;
const turns = 10;
/** About 2 MB, which is said again in every turn. */
const long = 'an ant carries many times its own weight '.repeat(50_000);

const scenarios = { long: `rules: [{ reply: [{ text: '${long}' }] }]` };

describeServer({ name: 'stream clients that do not read', scenarios }, ({ server }) => {
  test('cost the server next to nothing and hold nobody up', async () => {
    const session = await openSession(server.client, { model: 'scripted/long', tools: [] });
    const other = await openSession(server.client);
    await say(server.client, session.id, 'once, to warm up');
    const before = residentMiB(server.pid);
    const sockets = await Promise.all(
      Array.from({ length: readers }, () => stalledStream(server, session.id)),
    );
    for (let turn = 0; turn < turns; turn++) {
      await say(server.client, session.id, 'again');
      await say(server.client, other.id, 'hello');
    }
    const grown = residentMiB(server.pid) - before;
    for (const socket of sockets) socket.destroy();
    // The session's own history is a part of it; kept once more for every reader it would be a gigabyte.
    assert.ok(grown < 600, `${readers} stalled readers of ${turns} turns: ${Math.round(grown)} MiB`);
    await send(server.client, session.id, message('still there?'));
    assert.deepEqual(server.errors(), []);
  });
});

/** An open stream of which nothing but the head is ever read. */
function stalledStream(server: ServerProcess, sessionId: string): Promise<Socket> {
  const { hostname, port } = new URL(server.baseUrl);
  const head = [
    `GET /v1/sessions/${sessionId}/events/stream?event_deltas[]=agent.message HTTP/1.1`,
    'host: anthill',
    `x-api-key: ${server.apiKey}`,
    'anthropic-version: 2023-06-01',
    'anthropic-beta: managed-agents-2026-04-01',
  ];
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(`${head.join('\r\n')}\r\n\r\n`));
    socket.on('error', reject);
    socket.once('data', () => {
      socket.pause();
      resolve(socket);
    });
  });
}

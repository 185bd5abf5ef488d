import { randomUUID } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import Database from 'better-sqlite3';

/**
 * The least a durable server can do, to compare with: two SQLite commits per turn, no rules, no model,
 * no checks. `GET /` is a bare round trip, `POST /turns/:id` a turn, `GET /turns/:id` its stream.
 * `node floor-server.ts DATABASE`; prints its port.
 */
const database = new Database(process.argv[2]);
database.pragma('journal_mode = WAL');
database.pragma('synchronous = FULL');
database.exec('CREATE TABLE entry (id TEXT PRIMARY KEY, session TEXT, body TEXT)');
const insert = database.prepare('INSERT INTO entry VALUES (?, ?, ?)');
const streams = new Map<string, ServerResponse>();

const server = createServer((request, response) => {
  const path = request.url ?? '/';
  if (request.method === 'GET' && path === '/') return void response.end('{"ok":true}');
  if (request.method === 'GET') {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    return void streams.set(path, response);
  }
  let body = '';
  request.on('data', (chunk: Buffer) => {
    body += chunk.toString();
  });
  request.on('end', () => {
    insert.run(randomUUID(), path, body);
    response.end('{"ok":true}');
    setImmediate(() => {
      insert.run(randomUUID(), path, '{"type":"session.status_idle"}');
      streams.get(path)?.write('event: session.status_idle\ndata: {"type":"session.status_idle"}\n\n');
    });
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(typeof address === 'object' ? address?.port : '');
});

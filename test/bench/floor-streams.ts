import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import Database from 'better-sqlite3';

/**
 * The least that a server can do for streams: `GET /live` opens one, `POST /` commits its body and sends it to all
 * that are open as one frame, `GET /replay` sends the bytes of a file and ends.
 * `node floor-streams.ts DATABASE FILE`; prints its port.
 */
const [, , path = '', file = ''] = process.argv;
const database = new Database(path);
database.pragma('journal_mode = WAL');
database.pragma('synchronous = FULL');
database.exec('CREATE TABLE entry (body TEXT)');
const insert = database.prepare('INSERT INTO entry VALUES (?)');
const streams = new Set<ServerResponse>();
const type = { 'content-type': 'text/event-stream' };

const server = createServer((request, response) => {
  if (request.url === '/replay') return void response.writeHead(200, type).end(readFileSync(file));
  if (request.method === 'GET') {
    response.writeHead(200, type).write('event: ping\ndata: {"type": "ping"}\n\n');
    return void streams.add(response);
  }
  let body = '';
  request.on('data', (chunk: Buffer) => {
    body += chunk.toString();
  });
  request.on('end', () => {
    insert.run(body);
    response.setHeader('content-length', 2).end('{}');
    for (const stream of streams) stream.write(`event: session.updated\nid: 1\ndata: ${body}\n\n`);
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(typeof address === 'object' ? address?.port : '');
});

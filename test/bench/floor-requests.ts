import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import Database from 'better-sqlite3';
import { Hono } from 'hono';

/**
 * The least that a server can do for a request, in two makes: `GET` answers the bytes of a file, `POST` also
 * reads the body and commits it to SQLite first. `node floor-requests.ts node|hono ANSWER DATABASE`; prints its port.
 */
const [kind, file = '', path] = process.argv.slice(2);
const answer = readFileSync(file, 'utf8');
const database = new Database(path);
database.pragma('journal_mode = WAL');
database.pragma('synchronous = FULL');
database.exec('CREATE TABLE entry (id TEXT PRIMARY KEY, body TEXT)');
const insert = database.prepare('INSERT INTO entry VALUES (?, ?)');
const json = { 'content-type': 'application/json' };

function bare() {
  return createServer(async (request, response) => {
    if (request.method === 'POST') {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      insert.run(randomUUID(), Buffer.concat(chunks).toString());
    }
    response.writeHead(200, { ...json, 'content-length': Buffer.byteLength(answer) }).end(answer);
  });
}

function withHono() {
  const app = new Hono();
  app.get('/v1/agents/:id', () => new Response(answer, { headers: json }));
  app.post('/v1/agents', async (context) => {
    insert.run(randomUUID(), await context.req.text());
    return new Response(answer, { headers: json });
  });
  return createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false });
}

const server = kind === 'hono' ? withHono() : bare();
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(typeof address === 'object' ? address?.port : '');
});

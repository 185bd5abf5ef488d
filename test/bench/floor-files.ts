import { createReadStream, createWriteStream } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { pipeline } from 'node:stream/promises';

/**
 * The least that a server can do for a file: `POST` writes its body to FILE, durably, `GET` reads it back.
 * `node floor-files.ts FILE`; prints its port.
 */
const [, , path = ''] = process.argv;

const server = createServer((request, response) => void answer(request, response));
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(typeof address === 'object' ? address?.port : '');
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'GET') return await pipeline(createReadStream(path), response);
  await pipeline(request, createWriteStream(path, { flush: true }));
  response.end('{"ok":true}');
}

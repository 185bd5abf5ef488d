import assert from 'node:assert/strict';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { mcpAnswerBytesMax } from '../../domain/limits.ts';
import { credentialedFetch } from './credentialed-fetch.ts';

describe('requests to an MCP server', () => {
  let server: Server;
  let seen: (string | undefined)[] = [];
  let url = '';
  before(async () => {
    server = createServer((request, response) => {
      seen.push(request.headers.authorization);
      if (request.url === '/endless') {
        const chunk = Buffer.alloc(1024 * 1024, 'x');
        const more = () => {
          if (!response.destroyed) response.write(chunk, more);
        };
        return more();
      }
      response.writeHead(request.headers.authorization === 'Bearer good' ? 200 : 401).end('said');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => void server.close());

  test('carry the token, exchange one that is refused, and tell what was sent', async () => {
    seen = [];
    const { fetch, sent } = credentialedFetch(url, async (rejected) => (rejected === null ? 'old' : 'good'));
    assert.equal(await (await fetch(`${url}/`)).text(), 'said');
    assert.deepEqual(
      [seen, sent()],
      [
        ['Bearer old', 'Bearer good'],
        ['old', 'good'],
      ],
    );
  });

  test('are not repeated where there is no other token, and tell how they were refused', async () => {
    seen = [];
    const { fetch, lastStatus } = credentialedFetch(url, async () => 'old');
    assert.equal((await fetch(`${url}/`)).status, 401);
    assert.deepEqual([seen.length, lastStatus()], [1, 401]);
  });

  test('carry no token to another origin', async () => {
    seen = [];
    const { fetch } = credentialedFetch('http://elsewhere.test/mcp', async () => 'good');
    await fetch(`${url}/`);
    assert.deepEqual(seen, [undefined]);
  });

  test('end when the answer does not', async () => {
    const { fetch } = credentialedFetch(url, async () => null);
    let bytes = 0;
    const read = async () => {
      for await (const chunk of (await fetch(`${url}/endless`)).body ?? []) bytes += chunk.byteLength;
    };
    await assert.rejects(read(), /the answer of the MCP server is too large/);
    assert.ok(bytes <= mcpAnswerBytesMax);
  });
});

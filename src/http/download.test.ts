import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import type { Download } from '../protocol/form.ts';
import { downloadResponse } from './download.ts';
import { startServer } from './server.ts';

type Source = { readonly download: Download; readonly left: Promise<number>; begun(): boolean };

/** Chunks of 64 KiB; `left` tells how many were made when the reader had left. */
function source(chunks: number, filename = 'a.txt'): Source {
  const left = Promise.withResolvers<number>();
  let made = 0;
  async function* content() {
    try {
      while (made < chunks) {
        made++;
        yield new Uint8Array(65_536);
      }
    } finally {
      left.resolve(made);
    }
  }
  const download = { mimeType: 'text/plain', filename, bytes: chunks * 65_536, content: content() };
  return { download, left: left.promise, begun: () => made > 0 };
}

async function served(download: Download) {
  const fetch = () => downloadResponse(download, { 'request-id': 'req_1' });
  const server = await startServer({ app: { fetch }, host: '127.0.0.1', port: 0 });
  return {
    url: `http://127.0.0.1:${server.port}/`,
    port: server.port,
    [Symbol.asyncDispose]: () => server.close(0),
  };
}

describe('a download', () => {
  test('says what it is and how long', async () => {
    const { download, left } = source(40, "naïve 'ants' (1)*.txt");
    await using server = await served(download);
    const response = await fetch(server.url);
    assert.deepEqual(
      ['content-type', 'content-length', 'content-disposition', 'x-content-type-options', 'request-id'].map(
        (name) => response.headers.get(name),
      ),
      [
        'text/plain',
        String(40 * 65_536),
        "attachment; filename*=UTF-8''na%C3%AFve%20%27ants%27%20%281%29%2A.txt",
        'nosniff',
        'req_1',
      ],
    );
    assert.equal((await response.arrayBuffer()).byteLength, 40 * 65_536);
    assert.equal(await left, 40);
  });

  test('of nothing is empty', async () => {
    await using server = await served(source(0).download);
    const response = await fetch(server.url);
    assert.deepEqual([response.headers.get('content-length'), await response.text()], ['0', '']);
  });

  test('is made no faster than it is read, and lets go when its reader leaves', async () => {
    const { download, left } = source(10_000);
    await using server = await served(download);
    const socket = connect(server.port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nhost: ants\r\n\r\n');
    await once(socket, 'data');
    socket.destroy();
    assert.ok((await left) < 2_000);
  });

  for (const chunks of [0, 1, 200]) {
    test(`that fails after ${chunks} chunks is none`, async (context) => {
      const said = context.mock.method(console, 'error', () => undefined);
      const { download } = source(chunks);
      async function* failing() {
        yield* download.content;
        throw new Error('EIO: /secret/path');
      }
      await using server = await served({ ...download, bytes: 300 * 65_536, content: failing() });
      const response = await fetch(server.url);
      if (response.status === 200) await assert.rejects(response.arrayBuffer());
      else assert.deepEqual([response.status, (await response.text()).includes('secret')], [500, false]);
      assert.equal(said.mock.callCount(), 1);
    });
  }

  test('that nobody reads is never begun', async () => {
    const { download, begun } = source(3);
    downloadResponse(download, {});
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(begun(), false);
  });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { before, describe, test } from 'node:test';
import { connect } from 'node:tls';
import { classify } from './client-hello.ts';

/** What Node's client begins with. */
async function helloFor(servername: string): Promise<Buffer> {
  const sent: Buffer[] = [];
  const wire = new Duplex({
    read() {},
    write(chunk, _, done) {
      sent.push(chunk);
      done();
      this.emit('said');
    },
  });
  const said = once(wire, 'said');
  const socket = connect({ socket: wire, servername });
  socket.on('error', () => {});
  await said;
  socket.destroy();
  return Buffer.concat(sent);
}

describe('the first bytes of a client', () => {
  let hello: Buffer;
  before(async () => {
    hello = await helloFor('site.test');
  });

  test('are TLS for a name, or for none', async () => {
    assert.deepEqual(classify(hello), { type: 'tls', serverName: 'site.test' });
    assert.deepEqual(classify(await helloFor('')), { type: 'tls', serverName: null });
  });

  test('are not judged before they are there', () => {
    for (let length = 1; length < hello.length; length++)
      assert.equal(classify(hello.subarray(0, length)).type, 'incomplete', `${length} bytes`);
  });

  test('may come in several records', () => {
    const record = (bytes: Buffer) => {
      const header = Buffer.from([22, 3, 1, 0, 0]);
      header.writeUInt16BE(bytes.length, 3);
      return Buffer.concat([header, bytes]);
    };
    const body = hello.subarray(5);
    const parts = [body.subarray(0, 3), body.subarray(3, 50), body.subarray(50)];
    assert.deepEqual(classify(Buffer.concat(parts.map(record))), { type: 'tls', serverName: 'site.test' });
  });

  test('that are broken are never more than something else', () => {
    for (let at = 0; at < hello.length; at++) {
      for (const value of [0, 1, 127, 255]) {
        const broken = Buffer.from(hello);
        broken[at] = value;
        assert.ok(['tls', 'incomplete', 'other'].includes(classify(broken).type));
      }
    }
    assert.equal(classify(Buffer.alloc(40_000, 22)).type, 'other');
  });

  test('of other protocols are told apart', () => {
    const of = (text: string) => classify(Buffer.from(text)).type;
    assert.deepEqual(['GET / HTTP/1.1\r\n', 'POST /x', 'OPTIONS * HTTP/1.1'].map(of), [
      'http',
      'http',
      'http',
    ]);
    assert.deepEqual(['G', 'GET', 'GET '].map(of), ['incomplete', 'incomplete', 'incomplete']);
    assert.deepEqual(['SSH-2.0-x', '\0\0\0\b', 'hello', 'ABCDEFGHIJKLMNOP'].map(of), [
      'other',
      'other',
      'other',
      'other',
    ]);
  });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, isIP } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { createDialler, Undialled } from './dial.ts';

/** Spellings of addresses that must not be reached, and what a resolver that understands all of them makes of each. */
const spellings: readonly (readonly [host: string, address: string])[] = [
  ['127.0.0.1', '127.0.0.1'],
  ['127.1', '127.0.0.1'],
  ['127.0.1', '127.0.0.1'],
  ['0', '0.0.0.0'],
  ['0.0.0.0', '0.0.0.0'],
  ['2130706433', '127.0.0.1'],
  ['017700000001', '127.0.0.1'],
  ['0177.0.0.1', '127.0.0.1'],
  ['0177.0x0.0.01', '127.0.0.1'],
  ['0x7f000001', '127.0.0.1'],
  ['0x7f.1', '127.0.0.1'],
  ['0x7F.0.0.1', '127.0.0.1'],
  ['127.0.0.1.', '127.0.0.1'],
  ['127.000.000.001', '127.0.0.1'],
  ['localhost', '127.0.0.1'],
  ['LOCALHOST.', '127.0.0.1'],
  ['localhost.localdomain', '::1'],
  ['127.0.0.1.nip.test', '127.0.0.1'],
  ['user@127.0.0.1', '127.0.0.1'],
  ['①②⑦.⓪.⓪.①', '127.0.0.1'],
  ['xn--127-ouaa.test', '127.0.0.1'],
  ['::', '::'],
  ['::1', '::1'],
  ['0:0:0:0:0:0:0:1', '::1'],
  ['::ffff:127.0.0.1', '::ffff:127.0.0.1'],
  ['::ffff:7f00:1', '::ffff:7f00:1'],
  ['::127.0.0.1', '::127.0.0.1'],
  ['64:ff9b::7f00:1', '64:ff9b::7f00:1'],
  ['2002:7f00:1::', '2002:7f00:1::'],
  ['fe80::1%lo', 'fe80::1%lo'],
  ['fd00:ec2::254', 'fd00:ec2::254'],
  ['169.254.169.254', '169.254.169.254'],
  ['2852039166', '169.254.169.254'],
  ['0xa9.0xfe.0xa9.0xfe', '169.254.169.254'],
  ['metadata.google.internal', '169.254.169.254'],
  ['100.100.100.200', '100.100.100.200'],
];

describe('an address that must not be reached', () => {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  before(() => once(server.listen(0), 'listening'));
  after(() => server.close());
  const port = () => (server.address() as AddressInfo).port;
  const settings = { privateNetworks: [], hosts: {}, packageHosts: [] };

  for (const [host, address] of spellings) {
    test(`is not, as ${host}`, async () => {
      const dialler = createDialler(settings, async () => [address]);
      const dialled = dialler.dial(host, port(), AbortSignal.timeout(5_000));
      await assert.rejects(
        dialled,
        (cause) => cause instanceof Undialled && cause.verdict.result === 'refused',
      );
      if (isIP(host) > 0) assert.throws(() => dialler.check(host), Undialled);
      assert.equal(connections, 0);
    });
  }

  test('would be, without the check', async () => {
    const open = { ...settings, privateNetworks: ['127.0.0.0/8'] };
    const socket = await createDialler(open, async () => ['127.0.0.1']).dial(
      '0x7f.1',
      port(),
      AbortSignal.timeout(5_000),
    );
    assert.equal(socket.remotePort, port());
    socket.destroy();
  });

  test('is not one of several, nor the second answer of a name that changes its mind', async () => {
    const answers = [['10.0.0.1', '127.0.0.1'], ['127.0.0.1']];
    const dialler = createDialler(settings, async () => answers.shift() ?? []);
    for (let asked = 0; asked < 2; asked++)
      await assert.rejects(dialler.dial('rebinding.test', port(), AbortSignal.timeout(5_000)), Undialled);
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { packageHostsDefault } from '../domain/package-hosts.ts';
import { egressSettingsOf } from './egress-settings.ts';

class Mistake extends Error {}
const read = (file: object) => egressSettingsOf({ ...file }, Mistake);

describe('sandbox_network of anthill.yaml', () => {
  test('exempts nothing unless told to', () => {
    assert.deepEqual(read({}), { privateNetworks: [], hosts: {}, packageHosts: packageHostsDefault });
  });

  test('names networks, hosts and registries', () => {
    const file = {
      private_networks: ['10.1.0.0/16', 'fd00::1'],
      hosts: { 'Models.internal': '10.0.0.5' },
      package_hosts: ['*.registry.internal'],
    };
    assert.deepEqual(read(file), {
      privateNetworks: ['10.1.0.0/16', 'fd00::1'],
      hosts: { 'models.internal': '10.0.0.5' },
      packageHosts: ['*.registry.internal'],
    });
  });

  const mistakes: readonly (readonly [file: object, message: RegExp])[] = [
    [{ private_networks: '10.0.0.0/8' }, /private_networks: must be a list/],
    [{ private_networks: ['10.0.0.0/33'] }, /"10.0.0.0\/33" is not an IP address, or a network/],
    [{ private_networks: ['internal'] }, /"internal" is not an IP address/],
    [{ private_networks: [10] }, /"10" is not/],
    [{ hosts: ['a'] }, /hosts: must be a mapping/],
    [{ hosts: { 'http://a': '10.0.0.1' } }, /"http:\/\/a" is not a host name/],
    [{ hosts: { a: '10.0.0' } }, /hosts.a: "10.0.0" is not an IP address/],
    [{ package_hosts: ['https://a'] }, /package_hosts: "https:\/\/a" is not a host/],
  ];
  for (const [file, message] of mistakes) {
    test(`refuses ${JSON.stringify(file)}`, () => {
      assert.throws(() => read(file), message);
    });
  }
});

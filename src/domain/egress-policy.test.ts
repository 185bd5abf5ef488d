import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pureSession } from '../../test/support/pure-session.ts';
import { isInNetwork } from './addresses.ts';
import type { EgressPolicy } from './egress-policy.ts';
import { addressProblem, egressPolicy, explainVerdict, judgeHost, normalHost } from './egress-policy.ts';

const { agent } = pureSession().state();
const noPackages = { apt: [], cargo: [], gem: [], go: [], npm: [], pip: [] };
const settings = { packageHosts: ['*.registry.test'] };
type Limits = { hosts?: string[]; packages?: boolean; servers?: boolean };

function limited({ hosts = [], packages = false, servers = false }: Limits): EgressPolicy | null {
  const networking = {
    type: 'limited',
    allowed_hosts: hosts,
    allow_package_managers: packages,
    allow_mcp_servers: servers,
  } as const;
  const withServer = {
    ...agent,
    mcp_servers: [{ type: 'url' as const, name: 'a', url: 'https://mcp.test/x' }],
  };
  return egressPolicy({ type: 'cloud', networking, packages: noPackages }, withServer, settings);
}

describe('which hosts a sandbox may reach', () => {
  const cases: readonly (readonly [limits: Limits, host: string, reason: string])[] = [
    [{ hosts: ['site.test'] }, 'site.test', 'allowed_host'],
    [{ hosts: ['Site.test'] }, 'site.test', 'allowed_host'],
    [{ hosts: ['site.test'] }, 'www.site.test', 'host_not_allowed'],
    [{ hosts: ['site.test'] }, 'site.test.evil.test', 'host_not_allowed'],
    [{ hosts: ['site.test'] }, 'evilsite.test', 'host_not_allowed'],
    [{ hosts: ['*.site.test'] }, 'a.b.site.test', 'allowed_host'],
    [{ hosts: ['*.site.test'] }, 'site.test', 'host_not_allowed'],
    [{ hosts: ['*.site.test'] }, 'evilsite.test', 'host_not_allowed'],
    [{ hosts: ['8.8.8.8'] }, '8.8.8.8', 'allowed_host'],
    [{ hosts: ['site.test'] }, '8.8.8.8', 'host_not_allowed'],
    [{ packages: true }, 'a.registry.test', 'package_manager'],
    [{ hosts: ['site.test'] }, 'a.registry.test', 'host_not_allowed'],
    [{ servers: true }, 'mcp.test', 'mcp_server'],
    [{ hosts: ['site.test'] }, 'mcp.test', 'host_not_allowed'],
  ];
  for (const [limits, host, reason] of cases) {
    test(`${JSON.stringify(limits)} ${host}: ${reason}`, () => {
      const policy = limited(limits);
      assert.ok(policy);
      assert.equal(judgeHost(policy, host).reason, reason);
    });
  }

  test('all, where nothing is limited', () => {
    const networking = { type: 'unrestricted' } as const;
    const policy = egressPolicy({ type: 'cloud', networking, packages: noPackages }, agent, settings);
    assert.ok(policy);
    assert.deepEqual(judgeHost(policy, 'any.test'), { result: 'allowed', reason: 'unrestricted' });
  });

  test('none, where nothing is allowed', () => {
    assert.equal(limited({}), null);
    assert.equal(egressPolicy({ type: 'self_hosted' }, agent, settings), null);
  });

  test('in lower case, without the last dot', () => {
    assert.equal(normalHost('Site.TEST.'), 'site.test');
  });

  test('every refusal names its host', () => {
    const reasons = ['host_not_allowed', 'private_address', 'own_address', 'host_mismatch'] as const;
    for (const reason of reasons)
      assert.match(explainVerdict('site.test', { result: 'refused', reason }), /site\.test/);
  });
});

describe('which addresses a sandbox may reach', () => {
  const guard = { privateNetworks: [], ownAddresses: ['93.184.215.14', '2606:2800:21f:cb07::1'] };
  const forbidden = [
    '0.0.0.0',
    '0.1.2.3',
    '10.0.0.1',
    '10.255.255.255',
    '100.64.0.1',
    '100.127.255.255',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '169.254.170.2',
    '168.63.129.16',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.192',
    '192.0.2.1',
    '192.88.99.1',
    '192.168.0.1',
    '198.18.0.1',
    '198.19.255.255',
    '198.51.100.7',
    '203.0.113.9',
    '224.0.0.1',
    '239.255.255.255',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '0:0:0:0:0:0:0:1',
    '::ffff:127.0.0.1',
    '::ffff:a9fe:a9fe',
    '::FFFF:169.254.169.254',
    '::127.0.0.1',
    '64:ff9b::169.254.169.254',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b:1::a00:1',
    '2002:a9fe:a9fe::1',
    '2002:7f00:1::',
    '2001::1',
    '2001:db8::1',
    '3fff::1',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fec0::1',
    'ff02::1',
    '100::1',
    // Spellings that no resolver writes are no addresses at all.
    '0177.0.0.1',
    '0x7f.1',
    '2130706433',
    '127.1',
    '1.2.3.4.5',
    '1.2.3.256',
    'fe80::1%eth0',
    '1::2::3',
    ':::',
    '1:2:3:4:5:6:7:8:9',
    '12345::',
    '',
    'site.test',
  ];
  for (const address of forbidden) {
    test(`not ${address}`, () => assert.equal(addressProblem(address, guard), 'private_address'));
  }

  test('not those of this machine', () => {
    for (const address of guard.ownAddresses) assert.equal(addressProblem(address, guard), 'own_address');
  });

  for (const address of ['8.8.8.8', '1.0.0.0', '172.32.0.1', '100.63.0.1', '2606:4700::6810:1', '2a00::1']) {
    test(`but ${address}`, () => assert.equal(addressProblem(address, guard), null));
  }

  test('and what the operator exempts', () => {
    const exempting = { ...guard, privateNetworks: ['10.1.0.0/16', 'fd00::/8', '192.168.7.7'] };
    for (const address of ['10.1.2.3', 'fd12::1', '192.168.7.7'])
      assert.equal(addressProblem(address, exempting), null);
    for (const address of ['10.2.0.1', 'fe80::1', '192.168.7.8'])
      assert.equal(addressProblem(address, exempting), 'private_address');
  });

  test('networks are compared bit by bit', () => {
    assert.equal(isInNetwork('10.127.0.1', '10.0.0.0/9'), true);
    assert.equal(isInNetwork('10.128.0.1', '10.0.0.0/9'), false);
    assert.equal(isInNetwork('1.2.3.4', '0.0.0.0/0'), true);
    assert.equal(isInNetwork('::1', '0.0.0.0/0'), false);
  });
});

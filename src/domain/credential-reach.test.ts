import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Credential } from '../protocol/credentials.ts';
import { unreachableCredentials } from './credential-reach.ts';
import type { EgressPolicy } from './egress-policy.ts';

const at = '2026-09-21T00:00:00.000000Z';
function credential(hosts: string[] | null): Credential {
  return {
    id: 'vcrd_1',
    type: 'vault_credential',
    vault_id: 'vlt_1',
    display_name: null,
    metadata: {},
    created_at: at,
    updated_at: at,
    archived_at: null,
    auth: {
      type: 'environment_variable',
      secret_name: 'API_KEY',
      networking: hosts === null ? { type: 'unrestricted' } : { type: 'limited', allowed_hosts: hosts },
      injection_location: { header: true, body: true },
    },
  };
}

const limited = (...hosts: string[]): EgressPolicy => ({
  type: 'limited',
  allowed: [
    { reason: 'allowed_host', hosts },
    { reason: 'package_manager', hosts: [] },
  ],
});

describe('hosts of credentials that an environment keeps from sandboxes', () => {
  const cases: readonly (readonly [hosts: string[] | null, policy: EgressPolicy | null, named: string])[] = [
    [['a.test'], { type: 'unrestricted' }, ''],
    [['a.test'], limited('a.test'), ''],
    [['A.test'], limited('a.test'), ''],
    [['a.test'], limited('b.test'), 'a.test'],
    [['a.test', 'b.test'], limited('b.test'), 'a.test'],
    [['x.a.test'], limited('*.a.test'), ''],
    [['*.a.test'], limited('*.a.test'), ''],
    [['*.a.test'], limited('x.a.test'), ''],
    [['*.x.a.test'], limited('*.a.test'), ''],
    [['*.a.test'], limited('a.test'), '*.a.test'],
    [['a.test'], null, 'a.test'],
    [null, null, 'any host'],
    [null, limited('a.test'), ''],
    [null, { type: 'unrestricted' }, ''],
  ];
  for (const [hosts, policy, named] of cases) {
    test(`${hosts} where ${JSON.stringify(policy)}: ${named || 'none'}`, () => {
      const [error] = unreachableCredentials([credential(hosts)], policy);
      assert.equal(error?.message.match(/allow (.*)\.$/)?.[1] ?? '', named);
    });
  }
});

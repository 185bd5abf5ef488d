import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StoredCredential } from '../domain/collections.ts';
import type { SessionCredentials } from '../domain/session-credentials.ts';
import { createSandboxSecrets } from './sandbox-secrets.ts';
import { createSeal } from './sealing.ts';

const key = new Uint8Array(32).fill(7);
const at = '2026-09-21T00:00:00.000000Z';
type Networking = { type: 'unrestricted' } | { type: 'limited'; allowed_hosts: string[] };

function variable(id: string, name: string, networking: Networking): StoredCredential {
  const place = { vaultId: 'vlt_1', credentialId: id, field: 'secret_value' } as const;
  return {
    credential: {
      id,
      type: 'vault_credential',
      vault_id: 'vlt_1',
      display_name: null,
      metadata: {},
      created_at: at,
      updated_at: at,
      archived_at: null,
      auth: {
        type: 'environment_variable',
        secret_name: name,
        networking,
        injection_location: { header: true, body: false },
      },
    },
    sealed: { secret_value: createSeal(key)(`secret of ${id}`, place) },
  };
}

function open(...stored: StoredCredential[]) {
  const credentials: SessionCredentials = {
    variables: async () => stored,
    forServer: async () => null,
    change: async () => {},
  };
  return createSandboxSecrets({ key, credentials });
}
const holder = { sessionId: 'sesn_1', vaultIds: ['vlt_1'] };

describe('variables of vaults in sandboxes', () => {
  const limited: Networking = { type: 'limited', allowed_hosts: ['api.test', '*.wide.test'] };
  const secrets = open(variable('vcrd_1', 'A', limited), variable('vcrd_2', 'B', { type: 'unrestricted' }));

  test('hold placeholders: another for each session and credential, the same for ever', async () => {
    const [a, b] = await secrets.variables(holder);
    assert.deepEqual([a?.name, b?.name], ['A', 'B']);
    assert.match(a?.placeholder ?? '', /^anthill_ph_[0-9a-f]{32}$/);
    assert.notEqual(a?.placeholder, b?.placeholder);
    assert.deepEqual((await secrets.variables(holder))[0], a);
    const [elsewhere] = await secrets.variables({ ...holder, sessionId: 'sesn_2' });
    assert.notEqual(elsewhere?.placeholder, a?.placeholder);
  });

  test('are secrets only for hosts of their credential', async () => {
    const of = async (host: string) => (await secrets.forHost(holder, host)).map((one) => one.secret);
    assert.deepEqual(await of('api.test'), ['secret of vcrd_1', 'secret of vcrd_2']);
    assert.deepEqual(await of('a.wide.test'), ['secret of vcrd_1', 'secret of vcrd_2']);
    assert.deepEqual(await of('wide.test'), ['secret of vcrd_2']);
    assert.deepEqual(await of('other.test'), ['secret of vcrd_2']);
    const [named, anywhere] = await secrets.forHost(holder, 'api.test');
    assert.deepEqual([named?.isNamed, named?.header, named?.body], [true, true, false]);
    assert.equal(anywhere?.isNamed, false);
  });

  test('of one name come from the first vault that has it', async () => {
    const both = open(variable('vcrd_1', 'A', limited), variable('vcrd_2', 'A', limited));
    assert.equal((await both.variables(holder)).length, 1);
    assert.deepEqual(
      (await both.forHost(holder, 'api.test')).map(({ secret }) => secret),
      ['secret of vcrd_1'],
    );
  });

  test('whose secret is gone stay placeholders', async () => {
    const gone = open({ ...variable('vcrd_1', 'A', limited), sealed: {} });
    assert.deepEqual(await gone.forHost(holder, 'api.test'), []);
    assert.equal((await gone.variables(holder)).length, 1);
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fakeClock } from '../../test/support/clock.ts';
import { sha256Hex } from '../base/sha256.ts';
import type { StoredKey } from '../domain/api-keys.ts';
import type { Access } from '../domain/organization.ts';
import type { EnvironmentKey } from '../protocol/environment-keys.ts';
import { Refusal } from '../protocol/refusal.ts';
import type { AuthDeps } from './auth.ts';
import { createAuthenticate } from './auth.ts';

const clock = fakeClock();
const nowUs = clock.nowUs();

const ordinary: StoredKey = {
  id: 'apikey_1',
  workspaceId: 'wrkspc_1',
  isAdmin: false,
  name: 'ordinary',
  status: 'active',
  hint: null,
  createdAtUs: 0,
  expiresAtUs: null,
};
const admin: StoredKey = { ...ordinary, id: 'apikey_2', isAdmin: true };
const worker: EnvironmentKey = {
  id: 'envkey_1',
  type: 'environment_key',
  environment_id: 'env_1',
  name: 'worker',
  partial_key_hint: '',
  created_at: '2026-11-24T00:00:00Z',
  revoked_at: null,
};
const workerSecret = 'sk-ant-oat01-worker';

type Known = {
  readonly keys?: Readonly<Record<string, StoredKey>>;
  readonly workers?: Readonly<Record<string, EnvironmentKey>>;
  /** Archived ones; `wrkspc_1` and `wrkspc_2` are not. */
  readonly archived?: readonly string[];
};

function access({ keys = {}, workers = {}, archived = [] }: Known): Access {
  const bySecret = <T>(all: Readonly<Record<string, T>>, hash: string) =>
    Object.entries(all).find(([secret]) => sha256Hex(secret) === hash)?.[1] ?? null;
  return {
    async apiKey(hash) {
      const key = bySecret(keys, hash);
      return key && { key, isWorkspaceArchived: archived.includes(key.workspaceId) };
    },
    async environmentKey(hash) {
      const key = bySecret(workers, hash);
      return key && { key, workspaceId: 'wrkspc_1', isWorkspaceArchived: archived.includes('wrkspc_1') };
    },
    workItem: async () => null,
    workspace: async (id) =>
      [...archived, 'wrkspc_1', 'wrkspc_2'].includes(id) ? { isArchived: archived.includes(id) } : null,
  };
}

function authenticate(
  known: Known,
  headers: Record<string, string>,
  anonymous: AuthDeps['anonymous'] = null,
) {
  return createAuthenticate({ access: access(known), clock, anonymous })(new Headers(headers));
}

const refused = (code: Refusal['code'], message: RegExp, errorCode?: string) => (cause: unknown) => {
  assert.ok(cause instanceof Refusal);
  assert.deepEqual([cause.code, cause.errorCode], [code, errorCode]);
  assert.match(cause.message, message);
  return true;
};

describe('an API key', () => {
  const known = { keys: { own: ordinary, boss: admin } };

  test('acts in its workspace, as x-api-key and as a bearer token', async () => {
    const expected = {
      apiKeyId: 'apikey_1',
      workspaceId: 'wrkspc_1',
      isWorkspaceArchived: false,
      isAdmin: false,
      environmentId: null,
      item: null,
    };
    assert.deepEqual(await authenticate(known, { 'x-api-key': 'own' }), expected);
    assert.deepEqual(await authenticate(known, { authorization: 'Bearer own' }), expected);
    const itself = { 'x-api-key': 'own', 'anthropic-workspace-id': 'wrkspc_1' };
    assert.deepEqual(await authenticate(known, itself), expected);
    assert.deepEqual(await authenticate(known, { ...itself, 'anthropic-workspace-id': '' }), expected);
  });

  test('of a workspace acts nowhere else, whether that exists or not, in the same words', async () => {
    const says = async (id: string) => {
      const refusal = await authenticate(known, { 'x-api-key': 'own', 'anthropic-workspace-id': id }).catch(
        (cause: unknown) => cause,
      );
      return refused('permission', /this key acts in workspace wrkspc_1 only/)(refusal) && String(refusal);
    };
    assert.equal(await says('wrkspc_2'), await says('wrkspc_none'));
  });

  test('of the organization acts where a request says', async () => {
    const { workspaceId, isAdmin } = await authenticate(known, {
      'x-api-key': 'boss',
      'anthropic-workspace-id': 'wrkspc_2',
    });
    assert.deepEqual([workspaceId, isAdmin], ['wrkspc_2', true]);
    await assert.rejects(
      authenticate(known, { 'x-api-key': 'boss', 'anthropic-workspace-id': 'wrkspc_none' }),
      refused('not_found', /^Workspace not found: wrkspc_none$/),
    );
    const archived = await authenticate(
      { ...known, archived: ['wrkspc_3'] },
      { 'x-api-key': 'boss', 'anthropic-workspace-id': 'wrkspc_3' },
    );
    assert.equal(archived.isWorkspaceArchived, true);
  });

  for (const status of ['inactive', 'archived'] as const) {
    test(`that is ${status} is refused`, async () => {
      const keys = { own: { ...ordinary, status } };
      await assert.rejects(
        authenticate({ keys }, { 'x-api-key': 'own' }),
        refused('authentication', new RegExp(`^invalid x-api-key: this key is ${status}$`)),
      );
    });
  }

  test('is good until the microsecond of its expiry', async () => {
    const until = (expiresAtUs: number) =>
      authenticate({ keys: { own: { ...ordinary, expiresAtUs } } }, { 'x-api-key': 'own' });
    assert.equal((await until(nowUs + 1)).apiKeyId, 'apikey_1');
    await assert.rejects(until(nowUs), refused('authentication', /has expired/));
  });

  test('of an archived workspace is refused as such; one of the organization is not', async () => {
    const given = {
      keys: { own: { ...ordinary, status: 'archived' as const }, boss: admin },
      archived: ['wrkspc_1'],
    };
    await assert.rejects(
      authenticate(given, { 'x-api-key': 'own' }),
      refused('permission', /Workspace wrkspc_1 is archived/, 'workspace_archived'),
    );
    assert.equal((await authenticate(given, { 'x-api-key': 'boss' })).isAdmin, true);
  });
});

describe('an environment key', () => {
  const known = { keys: { own: ordinary }, workers: { [workerSecret]: worker } };
  const asBearer = { authorization: `Bearer ${workerSecret}` };

  test('reaches its environment, as a bearer token only', async () => {
    const { workspaceId, environmentId, isAdmin } = await authenticate(known, asBearer);
    assert.deepEqual([workspaceId, environmentId, isAdmin], ['wrkspc_1', 'env_1', false]);
    await assert.rejects(
      authenticate(known, { 'x-api-key': workerSecret }),
      refused('authentication', /sent as Authorization: Bearer/),
    );
    await assert.rejects(
      authenticate(known, { 'x-api-key': workerSecret, authorization: 'Bearer own' }),
      refused('authentication', /sent as Authorization: Bearer/),
    );
  });

  test('is refused once it is unknown, revoked or elsewhere', async () => {
    const unknown = { authorization: `Bearer ${workerSecret}x` };
    await assert.rejects(authenticate(known, unknown), refused('authentication', /invalid environment key/));
    const workers = { [workerSecret]: { ...worker, revoked_at: '2026-11-24T00:00:01Z' } };
    await assert.rejects(
      authenticate({ workers }, asBearer),
      refused('authentication', /invalid environment key/),
    );
    await assert.rejects(
      authenticate(known, { ...asBearer, 'anthropic-workspace-id': 'wrkspc_2' }),
      refused('permission', /wrkspc_1 only/),
    );
    await assert.rejects(
      authenticate({ ...known, archived: ['wrkspc_1'] }, asBearer),
      refused('permission', /archived/, 'workspace_archived'),
    );
  });

  test('that an API key was made to look like is none', async () => {
    const keys = { [workerSecret]: admin };
    await assert.rejects(authenticate({ keys }, asBearer), refused('authentication', /environment key/));
  });
});

describe('without keys', () => {
  const local = { host: '127.0.0.1:4141' };
  const known = { keys: { own: ordinary, old: { ...ordinary, status: 'inactive' as const } } };

  test('whoever says nothing, or anything, acts as the first key', async () => {
    for (const given of [{}, { 'x-api-key': 'anything' }, { authorization: 'Bearer x' }]) {
      const caller = await authenticate(known, { ...local, ...given }, admin);
      assert.deepEqual([caller.apiKeyId, caller.isAdmin], ['apikey_2', true]);
    }
  });

  test('a key that is known counts, and one that was disabled is refused', async () => {
    assert.equal((await authenticate(known, { ...local, 'x-api-key': 'own' }, admin)).apiKeyId, 'apikey_1');
    await assert.rejects(
      authenticate(known, { ...local, 'x-api-key': 'old' }, admin),
      refused('authentication', /inactive/),
    );
  });

  const foreign: readonly (readonly [name: string, headers: Record<string, string>])[] = [
    ['no host', {}],
    ['the host of a page that rebinds its name', { host: 'evil.example:4141' }],
    ['a host that begins like ours', { host: '127.0.0.1.evil.example' }],
    ['a host that ends like ours', { host: 'evil-localhost' }],
    ['a name below localhost', { host: 'evil.localhost' }],
    ['a host that is none', { host: '127.0.0.1:4141@evil.example' }],
    ['an address of the network', { host: '192.168.0.2:4141' }],
    ['a page of another origin', { ...local, origin: 'https://evil.example' }],
    ['a page of another port', { ...local, origin: 'http://127.0.0.1:3000' }],
    ['a page by another name', { ...local, origin: 'http://localhost:4141' }],
    ['a page over another scheme', { ...local, origin: 'https://127.0.0.1:4141' }],
    ['a page that hides its origin', { ...local, origin: 'null' }],
    ['a page whose origin was left out', { ...local, 'sec-fetch-site': 'cross-site' }],
    ['a page of a neighbour', { ...local, 'sec-fetch-site': 'same-site' }],
  ];
  for (const [name, headers] of foreign) {
    test(`${name} is refused, with a key or without`, async () => {
      await assert.rejects(authenticate(known, headers, admin), refused('permission', /./));
      await assert.rejects(
        authenticate(known, { ...headers, 'x-api-key': 'own' }, admin),
        refused('permission', /./),
      );
    });
  }

  for (const headers of [
    { host: 'localhost:4141' },
    { host: '[::1]:4141' },
    { host: '127.0.0.1' },
    { ...local, origin: 'http://127.0.0.1:4141', 'sec-fetch-site': 'same-origin' },
    { ...local, 'sec-fetch-site': 'none' },
  ]) {
    test(`this machine is let in: ${JSON.stringify(headers)}`, async () => {
      assert.equal((await authenticate(known, headers, admin)).apiKeyId, 'apikey_2');
    });
  }

  test('where keys are asked for, hosts and origins are nobody’s business', async () => {
    const caller = await authenticate(known, { host: 'evil.example', origin: 'null', 'x-api-key': 'own' });
    assert.equal(caller.apiKeyId, 'apikey_1');
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatUs } from '../../src/base/timestamp.ts';
import type { PageQuery, ResourceQuery, StoredCredential } from '../../src/domain/collections.ts';
import { archived } from '../../src/domain/vaults.ts';
import type { Credential } from '../../src/protocol/credentials.ts';
import { Refusal } from '../../src/protocol/refusal.ts';
import type { Vault } from '../../src/protocol/vaults.ts';
import type { MakeStore } from './subject.ts';
import { assertPages, openSubject, refusal } from './subject.ts';

const atUs = 1_790_000_000_000_000;
const at = formatUs(atUs);
const all: ResourceQuery = { limit: 1000, order: 'asc', after: null, createdAt: {}, includeArchived: true };

export function vault(id: string, changes: Partial<Vault> = {}): Vault {
  const times = { created_at: at, updated_at: at, archived_at: null };
  return { id, type: 'vault', display_name: 'Keys', metadata: {}, ...times, ...changes };
}

export function credential(id: string, changes: Partial<Credential> = {}): Credential {
  return {
    id,
    type: 'vault_credential',
    vault_id: 'vlt_1',
    display_name: null,
    auth: { type: 'static_bearer', mcp_server_url: `https://${id.replace('_', '-')}.example.com` },
    metadata: {},
    created_at: at,
    updated_at: at,
    archived_at: null,
    ...changes,
  };
}

const sealed = { token: 'sealed' };
const stored = (one: Credential): StoredCredential => ({ credential: one, sealed });

/** What every implementation keeps to for vaults and their credentials. */
export function vaultsContract(make: MakeStore): void {
  const open = async () => {
    const it = await openSubject(make);
    const { vaults, credentials } = it.collections;
    await vaults.insert(vault('vlt_1'));
    /** The sealed secrets as they are now: a rule is shown them. */
    const secretsOf = async (id: string) => {
      let seen: StoredCredential['sealed'] | null = null;
      await credentials.change('vlt_1', id, (current) => {
        seen = current.sealed;
        return current;
      });
      return seen;
    };
    return { ...it, vaults, credentials, secretsOf, put: putter(credentials) };
  };
  describe('vaults', () => {
    vaultTests(open);
  });
  describe('credentials', () => {
    credentialTests(open);
  });
}

type Open = () => Promise<
  Awaited<ReturnType<typeof openSubject>> & {
    readonly vaults: Awaited<ReturnType<typeof openSubject>>['collections']['vaults'];
    readonly credentials: Awaited<ReturnType<typeof openSubject>>['collections']['credentials'];
    secretsOf(id: string): Promise<StoredCredential['sealed'] | null>;
    put(...all: Credential[]): Promise<void>;
  }
>;

function putter(credentials: Awaited<ReturnType<Open>>['credentials']) {
  return async (...every: Credential[]) => {
    for (const one of every) assert.equal(await credentials.insert(stored(one), () => {}), true);
  };
}

function vaultTests(open: Open): void {
  test('one that is not there is null, and neither changed, archived nor removed', async () => {
    await using it = await open();
    const rules = { vault: never, credential: never };
    assert.equal(await it.vaults.get('vlt_0'), null);
    assert.equal(await it.vaults.change('vlt_0', never), null);
    assert.equal(await it.vaults.archive('vlt_0', rules), null);
    assert.equal(await it.vaults.remove('vlt_0'), false);
  });

  test('a change that returns the same object or throws writes nothing', async () => {
    await using it = await open();
    await it.vaults.change('vlt_1', (current) =>
      Object.assign(current, { display_name: 'not a new object' }),
    );
    await assert.rejects(it.vaults.change('vlt_1', no), refusal('invalid_request'));
    assert.deepEqual(await it.vaults.get('vlt_1'), vault('vlt_1'));
    const renamed = await it.vaults.change('vlt_1', (current) => ({ ...current, display_name: 'New' }));
    assert.deepEqual(await it.vaults.get('vlt_1'), renamed);
  });

  test('archiving takes the credentials along and wipes their secrets, in this vault only', async () => {
    await using it = await open();
    await it.vaults.insert(vault('vlt_2'));
    const earlier = formatUs(atUs - 5_000_000);
    const past = credential('vcrd_3', { archived_at: earlier });
    await it.put(credential('vcrd_1'), credential('vcrd_2'), past);
    const other = credential('vcrd_4', { vault_id: 'vlt_2' });
    await it.put(other);
    const nowUs = atUs + 1;
    const after = await it.vaults.archive('vlt_1', {
      vault: (current) => archived(current, nowUs),
      credential: (current) => archived(current, nowUs),
    });
    assert.equal(after?.archived_at, formatUs(nowUs));
    assert.deepEqual(await it.vaults.get('vlt_1'), after);
    for (const id of ['vcrd_1', 'vcrd_2']) {
      assert.equal((await it.credentials.get('vlt_1', id))?.archived_at, formatUs(nowUs));
      assert.deepEqual(await it.secretsOf(id), {});
    }
    assert.deepEqual(await it.credentials.get('vlt_1', 'vcrd_3'), past);
    assert.deepEqual(await it.credentials.get('vlt_2', 'vcrd_4'), other);
  });

  test('removing takes the credentials along, and leaves sessions that name it', async () => {
    await using it = await open();
    await it.put(credential('vcrd_1'));
    await it.create({ vaultIds: ['vlt_1'] });
    assert.equal(await it.vaults.remove('vlt_1'), true);
    assert.equal(await it.vaults.get('vlt_1'), null);
    assert.equal(await it.credentials.get('vlt_1', 'vcrd_1'), null);
    assert.deepEqual((await it.collections.sessions.get('sesn_1', atUs))?.vault_ids, ['vlt_1']);
    assert.deepEqual((await it.log.state('sesn_1'))?.vaultIds, ['vlt_1']);
    await it.vaults.insert(vault('vlt_1'));
    assert.deepEqual(await it.credentials.page('vlt_1', all), []);
  });

  test('are listed by the time of creation, then id, with or without the archived', async () => {
    await using it = await open();
    await it.vaults.remove('vlt_1');
    const items = [2, 0, 1].map((rank) =>
      vault(`vlt_${rank}`, {
        created_at: formatUs(atUs + (rank >> 1)),
        archived_at: rank === 1 ? at : null,
      }),
    );
    for (const item of items) await it.vaults.insert(item);
    await assertWindows((query) => it.vaults.page(query), items);
  });
}

function credentialTests(open: Open): void {
  test('the check is shown the vault and its active credentials, and may refuse', async () => {
    await using it = await open();
    await it.vaults.insert(vault('vlt_2'));
    await it.put(credential('vcrd_1'), credential('vcrd_2', { archived_at: at }));
    await it.put(credential('vcrd_3', { vault_id: 'vlt_2' }));
    const seen: unknown[] = [];
    const look = (...given: unknown[]) => {
      seen.push(...given);
      no();
    };
    await assert.rejects(
      it.credentials.insert(stored(credential('vcrd_4')), look),
      refusal('invalid_request'),
    );
    assert.deepEqual(seen, [vault('vlt_1'), [credential('vcrd_1')]]);
    assert.equal(await it.credentials.get('vlt_1', 'vcrd_4'), null);
    const astray = credential('vcrd_5', { vault_id: 'vlt_0' });
    assert.equal(await it.credentials.insert(stored(astray), never), false);
  });

  test('two active ones for the same thing do not fit, whatever the check says', async () => {
    await using it = await open();
    const twin = (id: string) => ({ ...credential('vcrd_1'), id });
    await it.put(twin('vcrd_1'));
    await assert.rejects(it.credentials.insert(stored(twin('vcrd_2')), () => {}));
    await it.credentials.change('vlt_1', 'vcrd_1', (current) => ({
      credential: archived(current.credential, atUs),
      sealed: {},
    }));
    await it.put(twin('vcrd_2'));
  });

  test('are found below their vault only', async () => {
    await using it = await open();
    await it.vaults.insert(vault('vlt_2'));
    await it.put(credential('vcrd_1'));
    assert.equal(await it.credentials.get('vlt_2', 'vcrd_1'), null);
    assert.equal(await it.credentials.change('vlt_2', 'vcrd_1', never), null);
    assert.equal(await it.credentials.remove('vlt_2', 'vcrd_1'), false);
    assert.deepEqual(await it.credentials.page('vlt_2', all), []);
    assert.deepEqual(await it.credentials.get('vlt_1', 'vcrd_1'), credential('vcrd_1'));
    assert.equal(await it.credentials.remove('vlt_1', 'vcrd_1'), true);
    assert.equal(await it.credentials.remove('vlt_1', 'vcrd_1'), false);
  });

  test('a change is given the sealed secrets and replaces them; the same object writes nothing', async () => {
    await using it = await open();
    await it.put(credential('vcrd_1'));
    assert.deepEqual(await it.secretsOf('vcrd_1'), sealed);
    await it.credentials.change('vlt_1', 'vcrd_1', (current) =>
      Object.assign(current, { sealed: { token: 'not a new object' } }),
    );
    assert.deepEqual(await it.secretsOf('vcrd_1'), sealed);
    const renamed = { ...credential('vcrd_1'), display_name: 'New' };
    const after = await it.credentials.change('vlt_1', 'vcrd_1', () => ({
      credential: renamed,
      sealed: { token: 'new' },
    }));
    assert.deepEqual(after, renamed);
    assert.deepEqual(await it.secretsOf('vcrd_1'), { token: 'new' });
  });

  test('are listed by the time of creation, then id, with or without the archived', async () => {
    await using it = await open();
    const items = [2, 0, 1].map((rank) =>
      credential(`vcrd_${rank}`, {
        created_at: formatUs(atUs + (rank >> 1)),
        archived_at: rank === 1 ? at : null,
      }),
    );
    await it.put(...items);
    await assertWindows((query) => it.credentials.page('vlt_1', query), items);
  });
}

type Item = { readonly id: string; readonly archived_at: string | null };
type Fetch<T> = (
  query: ResourceQuery,
) => Promise<readonly { item: T; position: readonly [number, number | string] }[]>;

async function assertWindows<T extends Item>(fetch: Fetch<T>, items: readonly T[]): Promise<void> {
  const sorted = items.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  for (const includeArchived of [true, false]) {
    const shown = sorted.filter((item) => includeArchived || item.archived_at === null);
    await assertPages((query: PageQuery) => fetch({ ...query, includeArchived }), shown);
  }
}

function no(): never {
  throw new Refusal('invalid_request', 'no');
}

function never(): never {
  throw new Error('not to be called');
}

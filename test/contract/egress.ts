import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PageQuery, StoredCredential } from '../../src/domain/collections.ts';
import type { EgressRecord } from '../../src/domain/egress.ts';
import { egressRecordsMax } from '../../src/domain/limits.ts';
import type { MakeStore } from './subject.ts';
import { environment, openSubject } from './subject.ts';
import { credential, vault } from './vaults.ts';

const atUs = 1_790_000_000_000_000;
const newest: PageQuery = { limit: 1000, order: 'desc', after: null, createdAt: {} };

function record(number: number, changes: Partial<EgressRecord> = {}): EgressRecord {
  return {
    id: `egr_${String(number).padStart(6, '0')}`,
    sessionId: 'sesn_1',
    atUs: atUs + number,
    host: `host-${number}.test`,
    port: 443,
    ...{ result: 'allowed', reason: 'unrestricted' },
    ...changes,
  } as EgressRecord;
}

/** What every implementation keeps to for decisions at doors, and for what is looked up there. */
export function egressContract(make: MakeStore): void {
  const open = async () => {
    const it = await openSubject(make);
    await it.create();
    const page = async (query: Partial<PageQuery> = {}, result: EgressRecord['result'] | null = null) =>
      await it.collections.egress.page('sesn_1', { ...newest, ...query, result });
    return { ...it, page };
  };

  describe('decisions at doors', () => {
    test('are listed newest first, page by page, and by result', async () => {
      await using it = await open();
      const refused = { result: 'refused', reason: 'host_not_allowed' } as const;
      await it.egressRecords.insert([record(1), record(2, refused), record(3)]);
      const all = await it.page();
      assert.deepEqual(
        all.map(({ item }) => item.host),
        ['host-3.test', 'host-2.test', 'host-1.test'],
      );
      assert.deepEqual(
        (await it.page({}, 'refused')).map(({ item }) => [item.host, item.reason]),
        [['host-2.test', 'host_not_allowed']],
      );
      const behind = await it.page({ after: all[0]?.position ?? null, limit: 1 });
      assert.deepEqual(
        behind.map(({ item }) => item.host),
        ['host-2.test'],
      );
    });

    test('of a session that is gone are forgotten', async () => {
      await using it = await open();
      await it.egressRecords.insert([record(1), record(2, { sessionId: 'sesn_none' }), record(3)]);
      assert.equal((await it.page()).length, 2);
      assert.deepEqual(await it.collections.egress.page('sesn_none', { ...newest, result: null }), []);
    });

    test('only the newest are kept, of each session', async () => {
      await using it = await open();
      await it.egressRecords.insert(Array.from({ length: egressRecordsMax }, (_, at) => record(at)));
      await it.egressRecords.insert([record(egressRecordsMax), record(egressRecordsMax + 1)]);
      const kept = await it.page({ limit: 2 * egressRecordsMax });
      assert.equal(kept.length, egressRecordsMax);
      assert.equal(kept[0]?.item.host, `host-${egressRecordsMax + 1}.test`);
      assert.equal(kept.at(-1)?.item.host, 'host-2.test');
    });
  });

  describe('what a door looks up', () => {
    test('the configuration of an environment, while it is there', async () => {
      await using it = await openSubject(make);
      assert.deepEqual(await it.readEnvironmentConfig('env_1'), environment().config);
      assert.equal(await it.readEnvironmentConfig('env_none'), null);
    });

    test('the active variables of vaults, in the order of the vaults', async () => {
      await using it = await openSubject(make);
      const { vaults, credentials } = it.collections;
      await vaults.insert(vault('vlt_1'));
      await vaults.insert(vault('vlt_2'));
      for (const stored of variables) await credentials.insert(stored, () => {});
      const of = async (...ids: string[]) =>
        (await it.sessionCredentials.variables(ids)).map((stored) => stored.credential.id);
      assert.deepEqual(await of('vlt_2', 'vlt_1'), ['vcrd_2', 'vcrd_1']);
      assert.deepEqual(await of('vlt_1'), ['vcrd_1']);
      assert.deepEqual(await of(), []);
    });
  });
}

const auth = {
  type: 'environment_variable',
  secret_name: 'A',
  networking: { type: 'unrestricted' },
  injection_location: { header: true, body: true },
} as const;
const variables: readonly StoredCredential[] = [
  { credential: credential('vcrd_1', { auth }), sealed: { secret_value: 's' } },
  { credential: credential('vcrd_2', { auth, vault_id: 'vlt_2' }), sealed: { secret_value: 's' } },
  {
    credential: credential('vcrd_3', {
      auth: { ...auth, secret_name: 'B' },
      archived_at: '2026-09-21T00:00:00.000000Z',
    }),
    sealed: {},
  },
  { credential: credential('vcrd_4'), sealed: { token: 's' } },
];

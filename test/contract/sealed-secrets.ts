import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SecretPlace } from '../../src/domain/sealing.ts';
import type { MakeStore, Subject } from './subject.ts';
import { birthOf, openSubject } from './subject.ts';
import { credential, vault } from './vaults.ts';

const mark = 'mark';
const credentialPlace = { vaultId: 'vlt_1', credentialId: 'vcrd_1', field: 'token' } as const;
const tokenPlace = (sessionId: string, resourceId: string): SecretPlace => ({
  sessionId,
  resourceId,
  field: 'authorization_token',
});

/** A store with a vault in it. */
async function open(make: MakeStore): Promise<Subject> {
  const it = await openSubject(make);
  await it.collections.vaults.insert(vault('vlt_1'));
  return it;
}

async function put(it: Subject, id: string, sealed: { token?: string } = { token: 'sealed' }): Promise<void> {
  await it.collections.credentials.insert({ credential: credential(id), sealed }, () => {});
}

function putTokens(it: Subject, id: string, tokens: Readonly<Record<string, string>>): Promise<unknown> {
  return it.log.create([{ kind: 'created', session: birthOf({ id }) }], { tokens });
}

/** Everything sealed, with the place that it was told to be for. */
async function contents(it: Subject): Promise<(readonly [string, SecretPlace])[]> {
  const seen: (readonly [string, SecretPlace])[] = [];
  await it.sealed.rewrite((sealed, place) => {
    seen.push([sealed, place]);
    return sealed;
  }, 'looked at');
  return seen;
}

/** What every implementation keeps to for what lies sealed in it, whatever it is the secret of. */
export function sealedSecretsContract(make: MakeStore): void {
  describe('sealed secrets', () => {
    test('are rewritten in every workspace, each told its place', async () => {
      await using it = await open(make);
      const other = it.workspace('wrkspc_2').collections;
      await put(it, 'vcrd_1');
      await put(it, 'vcrd_2', {});
      await other.vaults.insert(vault('vlt_2'));
      await other.credentials.insert(
        {
          credential: credential('vcrd_3', { vault_id: 'vlt_2' }),
          sealed: { access_token: 'a', refresh_token: 'r' },
        },
        () => {},
      );
      await putTokens(it, 'sesn_1', { sesrsc_1: 't1', sesrsc_2: 't2' });
      await putTokens(it, 'sesn_2', { sesrsc_0: 't3' });
      assert.equal(await it.sealed.rewrite((sealed) => `new ${sealed}`, mark), 6);
      const third = { vaultId: 'vlt_2', credentialId: 'vcrd_3' };
      assert.deepEqual(await contents(it), [
        ['new sealed', credentialPlace],
        ['new a', { ...third, field: 'access_token' }],
        ['new r', { ...third, field: 'refresh_token' }],
        ['new t1', tokenPlace('sesn_1', 'sesrsc_1')],
        ['new t2', tokenPlace('sesn_1', 'sesrsc_2')],
        ['new t3', tokenPlace('sesn_2', 'sesrsc_0')],
      ]);
      const stored = await it.collections.credentials.stored('vlt_1', 'vcrd_1');
      assert.deepEqual(stored, { credential: credential('vcrd_1'), sealed: { token: 'new sealed' } });
    });

    test('are all rewritten, however many there are', async () => {
      await using it = await open(make);
      const ids = (prefix: string) =>
        Array.from({ length: 501 }, (_, rank) => `${prefix}_${String(rank).padStart(3, '0')}`);
      const archived_at = credential('').created_at;
      const inserted = ids('vcrd').map((id) =>
        it.collections.credentials.insert(
          { credential: credential(id, { archived_at }), sealed: { token: id } },
          () => {},
        ),
      );
      await Promise.all(inserted);
      for (const session of ['sesn_1', 'sesn_2'])
        await putTokens(it, session, Object.fromEntries(ids('sesrsc').map((id) => [id, `${session} ${id}`])));
      const told = new Set((await contents(it)).map(([sealed]) => sealed));
      assert.equal(told.size, 3 * 501);
    });

    const unopened: readonly (readonly [SecretPlace, RegExp])[] = [
      [{ ...credentialPlace, credentialId: 'vcrd_2' }, /^credential vcrd_2 of vault vlt_1 cannot be opened/],
      [
        tokenPlace('sesn_1', 'sesrsc_2'),
        /^the token of resource sesrsc_2 of session sesn_1 cannot be opened/,
      ],
    ];
    for (const [place, says] of unopened) {
      test(`stay as they are when one cannot be rewritten, which is named: ${JSON.stringify(place)}`, async () => {
        await using it = await open(make);
        for (const id of ['vcrd_1', 'vcrd_2']) await put(it, id);
        await putTokens(it, 'sesn_1', { sesrsc_1: 't1', sesrsc_2: 't2' });
        const rewrite = it.sealed.rewrite((_, at) => {
          if (JSON.stringify(at) === JSON.stringify(place)) throw new Error('no');
          return 'new';
        }, mark);
        await assert.rejects(rewrite, { message: says });
        assert.equal(await it.sealed.mark(), null);
        const texts = (await contents(it)).map(([sealed]) => sealed);
        assert.deepEqual(texts, ['sealed', 'sealed', 't1', 't2']);
      });
    }

    test('keep the last mark until the purge, which keeps everything else', async () => {
      await using it = await open(make);
      await put(it, 'vcrd_1');
      assert.equal(await it.sealed.mark(), null);
      for (const each of ['first', 'second']) {
        await it.sealed.rewrite((sealed) => sealed, each);
        assert.equal(await it.sealed.mark(), each);
      }
      await it.sealed.purge();
      assert.equal(await it.sealed.mark(), null);
      assert.deepEqual(await contents(it), [['sealed', credentialPlace]]);
    });
  });
}

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import type { SecretPlace } from '../domain/sealing.ts';
import { createSeal, Unsealable, unseal } from './sealing.ts';

const key = randomBytes(32);
const place = { vaultId: 'vlt_1', credentialId: 'vcrd_1', field: 'token' } as const;
const seal = createSeal(key);

describe('a sealed secret', () => {
  for (const secret of ['', 'x', 'sk-🐜-é', 'long '.repeat(2000)]) {
    test(`opens with its key at its place: ${secret.length} characters`, () => {
      assert.equal(unseal(key, seal(secret, place), place), secret);
    });
  }

  test('does not show the secret, and looks different every time', () => {
    const sealed = Array.from({ length: 100 }, () => seal('the secret', place));
    assert.equal(new Set(sealed).size, 100);
    for (const text of sealed) {
      assert.ok(!text.includes('secret'));
      assert.ok(!Buffer.from(text.slice(3), 'base64url').includes('secret'));
    }
  });

  test('does not open with another key', () => {
    assert.throws(() => unseal(randomBytes(32), seal('s', place), place), Unsealable);
  });

  const repository = { sessionId: 'sesn_1', resourceId: 'sesrsc_1', field: 'authorization_token' } as const;
  const others: readonly (readonly [place: SecretPlace, other: SecretPlace])[] = [
    [place, { ...place, vaultId: 'vlt_2' }],
    [place, { ...place, credentialId: 'vcrd_2' }],
    [place, { ...place, field: 'access_token' }],
    // The parts are told apart, wherever one ends.
    [place, { ...place, vaultId: 'vlt_', credentialId: '1vcrd_1' }],
    [place, repository],
    [repository, { ...repository, sessionId: 'sesn_2' }],
    [repository, { ...repository, resourceId: 'sesrsc_2' }],
  ];
  for (const [one, other] of others) {
    test(`of ${JSON.stringify(one)} does not open at ${JSON.stringify(other)}`, () => {
      assert.equal(unseal(key, seal('s', one), one), 's');
      assert.throws(() => unseal(key, seal('s', one), other), Unsealable);
    });
  }

  test('of a webhook endpoint opens for that endpoint alone', () => {
    const endpoint = { webhookEndpointId: 'whep_1', field: 'signing_secret' } as const;
    assert.equal(unseal(key, seal('s', endpoint), endpoint), 's');
    for (const other of [{ ...endpoint, webhookEndpointId: 'whep_2' }, place])
      assert.throws(() => unseal(key, seal('s', endpoint), other), Unsealable);
    assert.throws(() => unseal(key, seal('s', place), endpoint), Unsealable);
  });

  test('does not open with any bit changed, nor cut short, and the error does not tell it', () => {
    const sealed = seal('s3cret', place);
    const bytes = Buffer.from(sealed.slice(3), 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      assertUnsealable(`v1.${changed.toString('base64url')}`);
    }
    for (let length = 0; length < bytes.length; length++) {
      assertUnsealable(`v1.${bytes.subarray(0, length).toString('base64url')}`);
    }
    for (const text of ['', 'v1', 'v1.', `v2${sealed.slice(2)}`, sealed.slice(3)]) assertUnsealable(text);
  });
});

function assertUnsealable(sealed: string): void {
  assert.throws(
    () => unseal(key, sealed, place),
    (cause: unknown) => {
      assert.ok(cause instanceof Unsealable, sealed);
      assert.ok(!String(cause.stack).includes('s3cret'));
      return true;
    },
  );
}

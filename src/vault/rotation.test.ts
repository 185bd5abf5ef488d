import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import type { SecretPlace } from '../domain/sealing.ts';
import { isMasterKey, openMasterKey } from './master-key.ts';
import type { Rotation } from './rotation.ts';
import { beginRotation, settleRotation } from './rotation.ts';
import { createSeal, Unsealable, unseal } from './sealing.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'anthill-rotation-'));
const path = (name: string) => join(dataDir, name);
const files = () => readdirSync(dataDir).sort();
const whole = ['master.check', 'master.key'];
const outside = ['master.check'];
let current: Uint8Array;
const next = randomBytes(32);
after(() => rmSync(dataDir, { recursive: true }));
beforeEach(() => {
  for (const file of files()) rmSync(path(file));
  current = openMasterKey(dataDir, null);
});

const begin = (isKept: boolean): Rotation => beginRotation(dataDir, { current, next, isKept });
/** As the two ends of a rotation are seen from outside: the key that opens, and the one that does not. */
function assertOpensWith(key: Uint8Array, other: Uint8Array, isKept: boolean): void {
  assert.deepEqual(openMasterKey(dataDir, isKept ? null : key), key);
  assert.deepEqual([isMasterKey(dataDir, key), isMasterKey(dataDir, other)], [true, false]);
  assert.throws(() => openMasterKey(dataDir, other), /is not the one/);
}

test('what was sealed with the current key is sealed with the next, for the same place only', () => {
  const place: SecretPlace = { vaultId: 'vlt_1', credentialId: 'vcrd_1', field: 'token' };
  const { reseal } = begin(true);
  const sealed = createSeal(current)('secret', place);
  assert.equal(unseal(next, reseal(sealed, place), place), 'secret');
  for (const wrong of [
    () => unseal(current, reseal(sealed, place), place),
    () => reseal(sealed, { ...place, field: 'refresh_token' }),
    () => reseal(createSeal(next)('secret', place), place),
  ])
    assert.throws(wrong, Unsealable);
});

describe('a rotation with a key kept here', () => {
  test('changes nothing before it is settled, and puts the next key where only its owner reads it', () => {
    begin(true);
    assert.deepEqual(files(), ['master.check', 'master.check.next', 'master.key', 'master.key.next']);
    for (const file of files()) assert.equal(statSync(path(file)).mode & 0o777, 0o600, file);
    assertOpensWith(current, next, true);
  });

  /** What can be on disk once the database has committed. */
  const committed: readonly (readonly [name: string, crash: () => void])[] = [
    ['nothing was moved', () => {}],
    ['the key was moved', () => renameSync(path('master.key.next'), path('master.key'))],
  ];
  for (const [name, crash] of committed) {
    test(`committed, it is finished: ${name}`, () => {
      const { mark } = begin(true);
      crash();
      assert.equal(settleRotation(dataDir, mark), 'finished');
      assert.deepEqual(files(), whole);
      assertOpensWith(next, current, true);
      assert.equal(settleRotation(dataDir, mark), 'nothing');
    });
  }

  /** What can be there before that, and while it is taken back. */
  const begun: readonly (readonly [name: string, crash: () => void])[] = [
    ['both are there', () => {}],
    ['the check was not written yet, or removed', () => rmSync(path('master.check.next'))],
    [
      'half of the key was written',
      () => {
        rmSync(path('master.check.next'));
        renameSync(path('master.key.next'), path('master.key.next.new'));
      },
    ],
  ];
  for (const [name, crash] of begun) {
    test(`not committed, it is undone: ${name}`, () => {
      begin(true);
      crash();
      assert.equal(settleRotation(dataDir, null), 'undone');
      assert.deepEqual(files(), whole);
      assertOpensWith(current, next, true);
      assert.equal(settleRotation(dataDir, null), 'nothing');
    });
  }

  test('the mark of an earlier one does not finish it', () => {
    const { mark } = begin(true);
    settleRotation(dataDir, mark);
    const third = randomBytes(32);
    beginRotation(dataDir, { current: next, next: third, isKept: true });
    assert.equal(settleRotation(dataDir, mark), 'undone');
    assertOpensWith(next, third, true);
  });
});

describe('a rotation with a key from outside', () => {
  test('writes no key down, and is undone when it was not committed', () => {
    rmSync(path('master.key'));
    begin(false);
    assert.deepEqual(files(), ['master.check', 'master.check.next']);
    assert.equal(settleRotation(dataDir, null), 'undone');
    assert.deepEqual(files(), outside);
    assertOpensWith(current, next, false);
  });

  for (const [name, crash] of [
    ['with the old key here', () => {}],
    ['with no key here', () => rmSync(path('master.key'))],
    ['with a damaged key here', () => writeFileSync(path('master.key'), 'damaged')],
  ] as const) {
    test(`is finished, and leaves no key behind: ${name}`, () => {
      const { mark } = begin(false);
      crash();
      assert.equal(settleRotation(dataDir, mark), 'finished');
      assert.deepEqual(files(), outside);
      assertOpensWith(next, current, false);
    });
  }

  test('does not delete a file that holds the next key', () => {
    const { mark } = begin(true);
    copyFileSync(path('master.key.next'), path('master.key'));
    rmSync(path('master.key.next'));
    assert.equal(settleRotation(dataDir, mark), 'finished');
    assert.deepEqual(files(), whole);
    assertOpensWith(next, current, true);
  });
});

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import { openMasterKey, parseMasterKey, WrongMasterKey } from './master-key.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'anthill-master-'));
const [keyFile, checkFile] = [join(dataDir, 'master.key'), join(dataDir, 'master.check')];
after(() => rmSync(dataDir, { recursive: true }));
beforeEach(() => {
  for (const file of [keyFile, checkFile]) rmSync(file, { force: true });
});

const refused = (says: RegExp) => (cause: unknown) => {
  assert.ok(cause instanceof WrongMasterKey);
  assert.match(cause.message, says);
  return true;
};

describe('the master key', () => {
  test('is made at first start, for its owner only, and stays the same', () => {
    const key = openMasterKey(dataDir, null);
    assert.equal(key.length, 32);
    assert.deepEqual(readdirSync(dataDir).sort(), ['master.check', 'master.key']);
    for (const file of [keyFile, checkFile]) assert.equal(statSync(file).mode & 0o777, 0o600, file);
    assert.deepEqual(openMasterKey(dataDir, null), key);
    assert.deepEqual(openMasterKey(dataDir, key), key);
  });

  test('given from outside it is not written down', () => {
    const key = randomBytes(32);
    assert.deepEqual(openMasterKey(dataDir, key), key);
    assert.deepEqual(readdirSync(dataDir), ['master.check']);
    assert.ok(!readFileSync(checkFile).includes(key));
    assert.deepEqual(openMasterKey(dataDir, key), key);
  });

  test('another one is refused, and says how to go on', () => {
    const key = openMasterKey(dataDir, null);
    assert.throws(
      () => openMasterKey(dataDir, randomBytes(32)),
      refused(/is not the one .* restore it, or delete/),
    );
    writeFileSync(keyFile, randomBytes(32).toString('base64'));
    assert.throws(() => openMasterKey(dataDir, null), refused(/is not the one/));
    assert.deepEqual(openMasterKey(dataDir, key), key);
  });

  test('a lost or damaged one is not replaced by a new one', () => {
    openMasterKey(dataDir, null);
    writeFileSync(keyFile, 'damaged');
    assert.throws(() => openMasterKey(dataDir, null), refused(/is not 32 bytes as base64/));
    assert.equal(readFileSync(keyFile, 'utf8'), 'damaged');
    rmSync(keyFile);
    assert.throws(() => openMasterKey(dataDir, null), refused(/is missing/));
    assert.deepEqual(readdirSync(dataDir), ['master.check']);
  });

  test('is 32 bytes in either alphabet of base64, with or without padding', () => {
    const key = Buffer.alloc(32, 0xfb);
    for (const text of [key.toString('base64'), key.toString('base64url')]) {
      assert.deepEqual(parseMasterKey(text), key);
    }
    for (const bytes of [0, 16, 31, 33, 64]) {
      assert.equal(parseMasterKey(randomBytes(bytes).toString('base64')), null, `${bytes} bytes`);
    }
    assert.equal(parseMasterKey(`${key.toString('base64').slice(0, -2)} =`), null);
  });
});

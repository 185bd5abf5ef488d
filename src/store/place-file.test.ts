import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { fakeClock } from '../../test/support/clock.ts';
import { temporaryDirectory } from '../../test/support/sandbox.ts';
import { uploadedFile } from '../domain/files.ts';
import { openStore } from './open.ts';

async function openPlace() {
  const directory = temporaryDirectory();
  const clock = fakeClock();
  const dataDir = join(directory.path, 'data');
  const store = await openStore({ dataDir, clock, afterCommit: () => {} });
  const { files } = store.workspace('wrkspc_1').collections;
  return {
    store,
    files,
    path: join(directory.path, 'placed'),
    nowUs: () => clock.nowUs(),
    async upload(id: string, text: string) {
      const staged = await store.blobs.stage(Readable.from([Buffer.from(text)]));
      const upload = {
        id,
        filename: 'a',
        mimeType: 'text/plain',
        bytes: staged.bytes,
        expiresInSeconds: null,
      };
      await files.insert(uploadedFile(upload, clock.nowUs()), staged, () => {});
    },
    async [Symbol.asyncDispose]() {
      await store.close();
      directory[Symbol.dispose]();
    },
  };
}

describe('a file that is placed', () => {
  test('has its content, whatever becomes of the upload', async () => {
    await using it = await openPlace();
    await it.upload('file_1', 'hello');
    await it.store.placeFile('file_1', it.path);
    assert.equal(readFileSync(it.path, 'utf8'), 'hello');
    assert.equal(statSync(it.path).nlink, 2, 'it takes no space of its own');
    await it.files.remove('file_1', it.nowUs());
    assert.equal(readFileSync(it.path, 'utf8'), 'hello');
    assert.equal(statSync(it.path).nlink, 1);
  });

  test('goes without taking the upload along', async () => {
    await using it = await openPlace();
    await it.upload('file_1', 'hello');
    await it.store.placeFile('file_1', it.path);
    rmSync(it.path);
    await it.store.placeFile('file_1', it.path);
    assert.equal(readFileSync(it.path, 'utf8'), 'hello');
  });

  test('is there or not at all', async () => {
    await using it = await openPlace();
    await assert.rejects(it.store.placeFile('file_0', it.path), /file_0 is gone/);
    assert.ok(!existsSync(it.path));
    await it.upload('file_1', 'hello');
    writeFileSync(it.path, 'other');
    await assert.rejects(it.store.placeFile('file_1', it.path), { code: 'EEXIST' });
    assert.equal(readFileSync(it.path, 'utf8'), 'other');
  });
});

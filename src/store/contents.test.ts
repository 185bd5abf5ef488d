import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { csvFile as file } from '../../test/contract/subject.ts';
import { fakeClock } from '../../test/support/clock.ts';
import type { StagedBlob } from '../domain/blobs.ts';
import type { BlobFiles } from './blob-files.ts';
import { openBlobFiles } from './blob-files.ts';
import type { Store } from './open.ts';
import { openStore } from './open.ts';

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

type Directory = Disposable & {
  /** As the next process finds it. */
  readonly blobs: BlobFiles;
  open(): Promise<Store>;
  contents(): string[];
  pending(): string[];
  readonly path: string;
};

function inTemporary(): Directory {
  const dataDir = mkdtempSync(join(tmpdir(), 'anthill-contents-'));
  const path = join(dataDir, 'files');
  return {
    path,
    blobs: openBlobFiles(path),
    open: () => openStore({ dataDir, clock: fakeClock(), afterCommit() {} }),
    contents: () =>
      readdirSync(path)
        .filter((name) => name !== 'pending')
        .flatMap((folder) => readdirSync(join(path, folder))),
    pending: () => readdirSync(join(path, 'pending')),
    [Symbol.dispose]: () => rmSync(dataDir, { recursive: true, force: true }),
  };
}

async function insert(store: Store, staged: StagedBlob, id = file.id): Promise<void> {
  await store.workspace('wrkspc_1').collections.files.insert({ ...file, id }, staged, () => {});
}

async function openAndClose(it: Directory): Promise<void> {
  const store = await it.open();
  await store.close();
}

describe('content on disk', () => {
  test('is one file by its hash, and nothing waits', async () => {
    using it = inTemporary();
    const store = await it.open();
    const staged = await store.blobs.stage(once('abc'));
    assert.deepEqual([it.contents().length, it.pending().length], [0, 1]);
    await insert(store, staged);
    await insert(store, await store.blobs.stage(once('abc')), 'file_2');
    await store.blobs.discard(staged);
    assert.deepEqual(it.contents(), [staged.sha256]);
    await store.close();
    await openAndClose(it);
    assert.deepEqual([it.contents(), it.pending()], [[staged.sha256], []]);
  });

  test('is its owner’s alone', async () => {
    using it = inTemporary();
    const store = await it.open();
    const staged = await store.blobs.stage(once('abc'));
    await insert(store, staged);
    const folder = join(it.path, staged.sha256.slice(0, 2));
    for (const path of [it.path, folder, join(it.path, 'pending')])
      assert.equal(statSync(path).mode & 0o777, 0o700);
    assert.equal(statSync(join(folder, staged.sha256)).mode & 0o777, 0o600);
    await store.close();
  });

  test('that was being taken in when the process died is gone at the next start', async () => {
    using it = inTemporary();
    await it.blobs.stage(once('abc'));
    writeFileSync(join(it.path, 'pending', 'half-a-file'), 'ab');
    await openAndClose(it);
    assert.deepEqual([it.contents(), it.pending()], [[], []]);
  });

  test('whose row was never committed is gone at the next start', async () => {
    using it = inTemporary();
    await openAndClose(it);
    it.blobs.publish(await it.blobs.stage(once('abc')));
    assert.deepEqual([it.contents().length, it.pending().length], [1, 1]);
    await openAndClose(it);
    assert.deepEqual([it.contents(), it.pending()], [[], []]);
  });

  test('whose last row was deleted by a process that died is gone at the next start', async () => {
    using it = inTemporary();
    const store = await it.open();
    const staged = await store.blobs.stage(once('abc'));
    await insert(store, staged);
    const path = join(it.path, staged.sha256.slice(0, 2), staged.sha256);
    await store.workspace('wrkspc_1').collections.files.remove(file.id, 0);
    await store.close();
    // As if its removal had not come that far.
    writeFileSync(path, 'abc');
    it.blobs.suspect(staged.sha256);
    await openAndClose(it);
    assert.deepEqual([existsSync(path), it.pending()], [false, []]);
  });

  test('that is suspected stays while a row has it', async () => {
    using it = inTemporary();
    const store = await it.open();
    const staged = await store.blobs.stage(once('abc'));
    await insert(store, staged);
    await store.close();
    it.blobs.suspect(staged.sha256);
    it.blobs.suspect('0'.repeat(64));
    await openAndClose(it);
    assert.deepEqual([it.contents(), it.pending()], [[staged.sha256], []]);
  });

  test('is not lost when it cannot be removed now', async () => {
    using it = inTemporary();
    const store = await it.open();
    await insert(store, await store.blobs.stage(once('abc')));
    rmSync(join(it.path, 'pending'), { recursive: true });
    const { files } = store.workspace('wrkspc_1').collections;
    // The mark cannot be written, so the row stays too.
    await assert.rejects(files.remove(file.id, 0));
    assert.ok(await files.get(file.id, 0));
    assert.equal(it.contents().length, 1);
    await store.close();
  });
});

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryDirectory } from '../../../test/support/sandbox.ts';
import { unusedLayerMsMax } from '../../domain/limits.ts';
import { createLayerStore } from './layer-store.ts';

const nobody = () => false;

describe('layers on disk', () => {
  test('are found once they are whole, and not before', async () => {
    using directory = temporaryDirectory();
    const store = createLayerStore(directory.path);
    const incoming = await store.begin('a');
    writeFileSync(join(incoming, 'file'), 'x');
    assert.equal(await store.find('a'), null);
    const path = await store.finish('a', incoming);
    assert.equal(await store.find('a'), path);
    assert.deepEqual(readdirSync(path), ['file']);
  });

  test('that were never finished are gone when the next process starts', async () => {
    using directory = temporaryDirectory();
    const incoming = await createLayerStore(directory.path).begin('a');
    mkdirSync(join(incoming, 'closed'), { mode: 0 });
    assert.equal(await createLayerStore(directory.path).find('a'), null);
    assert.equal(existsSync(incoming), false);
  });

  test('go when nobody used them for long, but never while they are used', async () => {
    using directory = temporaryDirectory();
    const store = createLayerStore(directory.path);
    for (const key of ['old', 'used', 'new']) {
      const path = await store.finish(key, await store.begin(key));
      const at = new Date(Date.now() - (key === 'new' ? 0 : unusedLayerMsMax + 1_000));
      utimesSync(path, at, at);
    }
    await store.sweep((key) => key === 'used', Date.now());
    assert.deepEqual(readdirSync(join(directory.path, 'layers')).toSorted(), ['new', 'used']);
    await store.find('used');
    await store.sweep(nobody, Date.now());
    assert.deepEqual(readdirSync(join(directory.path, 'layers')).toSorted(), ['new', 'used']);
    await store.sweep(nobody, Date.now() + unusedLayerMsMax + 60_000);
    assert.deepEqual(readdirSync(join(directory.path, 'layers')), []);
    assert.deepEqual(readdirSync(join(directory.path, 'incoming')), []);
  });
});

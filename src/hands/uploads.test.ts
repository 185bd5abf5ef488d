import assert from 'node:assert/strict';
import { globSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryDirectory } from '../../test/support/sandbox.ts';
import { placeFiles } from './uploads.ts';

/** A place for files, whose contents are their ids. */
function openPlace() {
  const directory = temporaryDirectory();
  const uploads = join(directory.path, 'uploads');
  const put: string[] = [];
  const broken = new Set<string>();
  return {
    ...directory,
    uploads,
    put,
    broken,
    place: (files: Readonly<Record<string, string>>) =>
      placeFiles(
        { directory: uploads, record: join(directory.path, 'uploads.json') },
        new Map(Object.entries(files)),
        async (id, target) => {
          put.push(id);
          await writeFile(target, broken.has(id) ? 'half' : id);
          if (broken.has(id)) throw new Error(`${id} is broken`);
        },
      ),
    /** Everything below, folders with a slash behind them. */
    seen: () =>
      globSync('**/*', { cwd: uploads, withFileTypes: true })
        .map((entry) => {
          const path = join(entry.parentPath, entry.name).slice(uploads.length + 1);
          return entry.isDirectory() ? `${path}/` : `${path}=${readFileSync(join(uploads, path), 'utf8')}`;
        })
        .sort(),
  };
}

describe('files of a session', () => {
  test('lie where they are wanted, for reading only', async () => {
    using it = openPlace();
    assert.deepEqual(await it.place({ a: '1', 'b/c/d e.txt': '2', 'b/f': '3' }), []);
    assert.deepEqual(it.seen(), ['a=1', 'b/', 'b/c/', 'b/c/d e.txt=2', 'b/f=3']);
    const modes = ['a', 'b/f', 'b', 'b/c'].map((path) => statSync(join(it.uploads, path)).mode & 0o777);
    assert.deepEqual(modes, [0o444, 0o444, 0o755, 0o755]);
    assert.equal(statSync(it.uploads).mode & 0o777, 0o700);
  });

  test('come and go one by one, and are put there once', async () => {
    using it = openPlace();
    await it.place({ a: '1', 'b/c': '2' });
    await it.place({ a: '1', 'b/c': '2' });
    assert.deepEqual(it.put, ['1', '2']);
    await it.place({ a: '1', 'b/c': '2', 'b/d': '3' });
    assert.deepEqual(it.put, ['1', '2', '3']);
    assert.deepEqual(it.seen(), ['a=1', 'b/', 'b/c=2', 'b/d=3']);
    await it.place({ 'b/d': '3' });
    assert.deepEqual(it.seen(), ['b/', 'b/d=3']);
    await it.place({});
    assert.deepEqual(it.seen(), []);
    assert.deepEqual(it.put, ['1', '2', '3']);
  });

  test('give way to others at the same path, be it a folder', async () => {
    using it = openPlace();
    await it.place({ a: '1', b: '2' });
    await it.place({ a: '3', 'b/c': '4' });
    assert.deepEqual(it.seen(), ['a=3', 'b/', 'b/c=4']);
    await it.place({ a: '5', b: '6' });
    assert.deepEqual(it.seen(), ['a=5', 'b=6']);
  });

  test('that cannot be put there are told and tried again, and keep none of the others away', async () => {
    using it = openPlace();
    it.broken.add('2');
    const unplaced = await it.place({ a: '1', b: '2', c: '3' });
    assert.deepEqual(unplaced, [{ path: 'b', cause: new Error('2 is broken') }]);
    assert.deepEqual(it.seen(), ['a=1', 'c=3']);
    it.broken.clear();
    assert.deepEqual(await it.place({ a: '1', b: '2', c: '3' }), []);
    assert.deepEqual(it.seen(), ['a=1', 'b=2', 'c=3']);
    assert.deepEqual(it.put, ['1', '2', '3', '2']);
  });

  test('of which no record was kept, because of a crash, are put there anew', async () => {
    using it = openPlace();
    await it.place({ a: '1', 'b/c': '2' });
    writeFileSync(join(it.path, 'uploads.json'), JSON.stringify([['a', '1']]));
    await it.place({ a: '1', b: '3' });
    assert.deepEqual(it.seen(), ['a=1', 'b=3']);
  });
});

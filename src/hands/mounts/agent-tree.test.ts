import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryDirectory } from '../../../test/support/sandbox.ts';
import type { TreeLimits } from './agent-tree.ts';
import { putFile, readRegular, removeEntry, scanTree } from './agent-tree.ts';

const limits = { entriesMax: 100, depthMax: 5 };
async function seenIn(root: string, within: TreeLimits) {
  const tree = await scanTree(root, within);
  assert.ok(tree);
  return tree;
}
const text = async (root: string, path: string, max = 100) =>
  (await readRegular(root, Buffer.from(path), max))?.toString() ?? null;

/** A directory of an agent, and one beside it that is none of its business. */
function openPlace() {
  const directory = temporaryDirectory();
  const root = join(directory.path, 'tree');
  const outside = join(directory.path, 'outside');
  for (const path of [root, outside]) mkdirSync(path);
  writeFileSync(join(outside, 'secret'), 'secret');
  return { ...directory, root, outside, [Symbol.dispose]: directory[Symbol.dispose] };
}

describe('a tree that an agent can change', () => {
  test('has files, which are known again by their signatures', async () => {
    using it = openPlace();
    const signature = await putFile(it.root, 'a/b/c', Buffer.from('one'));
    writeFileSync(join(it.root, 'd'), 'two');
    const { entries, isWhole } = await seenIn(it.root, limits);
    const sorted = entries.toSorted((one, two) => (String(one.path) < String(two.path) ? -1 : 1));
    assert.deepEqual(
      sorted.map(({ path, isRegular, sizeBytes }) => [path, isRegular, sizeBytes]),
      [
        ['a/b/c', true, 3],
        ['d', true, 3],
      ],
    );
    assert.deepEqual([isWhole, sorted[0]?.signature], [true, signature]);
    writeFileSync(join(it.root, 'a/b/c'), 'two');
    utimesSync(join(it.root, 'a/b/c'), 0, 0);
    const forged = (await seenIn(it.root, limits)).entries.find(({ path }) => path === 'a/b/c');
    utimesSync(join(it.root, 'a/b/c'), 0, 0);
    const again = (await seenIn(it.root, limits)).entries.find(({ path }) => path === 'a/b/c');
    assert.notEqual(forged?.signature, signature);
    assert.notEqual(forged?.signature, again?.signature, 'not even with its times set back');
    assert.equal(await text(it.root, 'a/b/c'), 'two');
    assert.equal(await text(it.root, 'a/b/c', 2), null, 'more than was asked for');
  });

  test('need not be there', async () => {
    using it = openPlace();
    assert.equal(await scanTree(join(it.root, 'none'), limits), null);
    await assert.rejects(scanTree(join(it.outside, 'secret'), limits));
  });

  test('is left by no link, whatever is done', async () => {
    using it = openPlace();
    symlinkSync(it.outside, join(it.root, 'link'));
    symlinkSync(join(it.outside, 'secret'), join(it.root, 'file'));
    const { entries } = await seenIn(it.root, limits);
    assert.deepEqual(entries.map(({ path, isRegular }) => [path, isRegular]).sort(), [
      ['file', false],
      ['link', false],
    ]);
    assert.equal(await text(it.root, 'link/secret'), null);
    assert.equal(await text(it.root, 'file'), null);
    await assert.rejects(putFile(it.root, 'link/new', Buffer.from('x')));
    await removeEntry(it.root, Buffer.from('link/secret'));
    await putFile(it.root, 'file', Buffer.from('x'));
    assert.equal(await text(it.root, 'file'), 'x', 'a link in the way is replaced');
    await assert.rejects(putFile(it.root, '../outside/new', Buffer.from('x')), /leads elsewhere/);
    await assert.rejects(text(it.root, 'a/../../outside/secret'), /leads elsewhere/);
    assert.deepEqual(readdirSync(it.outside), ['secret']);
    assert.equal(readFileSync(join(it.outside, 'secret'), 'utf8'), 'secret');
  });

  test('is not left while folders and links take turns', async () => {
    using it = openPlace();
    const turn = 'mv -T real spare; ln -s ../outside real; rm -f real; mv -T spare real';
    const swap = `while :; do ${turn}; done`;
    mkdirSync(join(it.root, 'real'));
    const agent = spawn('bash', ['-c', swap], { cwd: it.root, stdio: 'ignore' });
    const exited = once(agent, 'exit');
    for (let round = 0; round < 200; round++) {
      await putFile(it.root, 'real/new', Buffer.from('x')).catch(() => undefined);
      assert.notEqual(await text(it.root, 'real/secret'), 'secret');
      await removeEntry(it.root, Buffer.from('real/secret'));
      await seenIn(it.root, limits);
    }
    agent.kill();
    await exited;
    assert.deepEqual(readdirSync(it.outside), ['secret']);
  });

  test('is looked at within limits', async () => {
    using it = openPlace();
    for (let at = 0; at < 20; at++) writeFileSync(join(it.root, String(at)), '');
    const few = await seenIn(it.root, { entriesMax: 10, depthMax: 5 });
    assert.deepEqual([few.entries.length, few.isWhole], [10, false]);
    mkdirSync(join(it.root, 'a/b/c'), { recursive: true });
    writeFileSync(join(it.root, 'a/b/c/d'), '');
    const flat = await seenIn(it.root, { entriesMax: 100, depthMax: 3 });
    assert.deepEqual([flat.entries.length, flat.isWhole], [20, false]);
    assert.equal((await seenIn(it.root, { entriesMax: 100, depthMax: 4 })).isWhole, true);
  });

  test('loses the folders that are empty with what was in them, and no others', async () => {
    using it = openPlace();
    for (const path of ['a/b/c', 'a/d', 'e']) await putFile(it.root, path, Buffer.from('x'));
    await removeEntry(it.root, Buffer.from('a/b/c'));
    assert.equal(existsSync(join(it.root, 'a/b')), false);
    await removeEntry(it.root, Buffer.from('a/none'));
    assert.deepEqual(readdirSync(it.root).sort(), ['a', 'e']);
    await removeEntry(it.root, Buffer.from('a'));
    assert.equal(await text(it.root, 'a/d'), 'x', 'a folder is nothing to remove');
    renameSync(join(it.root, 'a/d'), join(it.root, 'd'));
    await putFile(it.root, 'a', Buffer.from('x'));
    assert.equal(await text(it.root, 'a'), 'x', 'an empty folder makes way');
  });
});

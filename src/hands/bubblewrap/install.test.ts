import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryDirectory } from '../../../test/support/sandbox.ts';
import { ensureBubblewrap, findBubblewrap } from './install.ts';

const sentence =
  /bubblewrap is not installed, and tools are never run without isolation: run `apt-get install/;

/** A machine whose `PATH` leads to these programs only. */
function machine(programs: Readonly<Record<string, string>>) {
  const directory = temporaryDirectory();
  const path = join(directory.path, 'bin');
  mkdirSync(path);
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(path, name), `#!/bin/sh\ncd ${path}\necho "$0 $*" >> calls\n${script}\n`, {
      mode: 0o755,
    });
  }
  const said: string[] = [];
  return {
    path,
    said,
    ensure: (isRoot: boolean) => ensureBubblewrap({ path, isRoot, say: (line) => said.push(line) }),
    /** What was run, without its directory. */
    calls: () => {
      const log = join(path, 'calls');
      const lines = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];
      return lines.map((line) => line.slice(path.length + 1));
    },
    [Symbol.dispose]: () => directory[Symbol.dispose](),
  };
}

const install = 'apt-get install -y --no-install-recommends bubblewrap';
const installs = ': > bwrap; /bin/chmod 755 bwrap';

describe('bubblewrap', () => {
  test('that is there is used, and nothing is run or said', async () => {
    using it = machine({ bwrap: '', 'apt-get': installs });
    assert.equal(await it.ensure(true), join(it.path, 'bwrap'));
    assert.deepEqual([it.calls(), it.said], [[], []]);
  });

  test('is found in the first directory that has it; empty entries are no directory', () => {
    using it = machine({ bwrap: '' });
    assert.equal(findBubblewrap(`:/nowhere::${it.path}:/usr/bin`), join(it.path, 'bwrap'));
    assert.equal(findBubblewrap(':/nowhere:'), null);
  });

  test('that cannot be run is not there', () => {
    using it = machine({});
    writeFileSync(join(it.path, 'bwrap'), '', { mode: 0o644 });
    assert.equal(findBubblewrap(it.path), null);
  });

  test('is installed by root where apt-get is, which is said', async () => {
    using it = machine({ 'apt-get': installs });
    assert.equal(await it.ensure(true), join(it.path, 'bwrap'));
    assert.deepEqual(it.calls(), [install]);
    assert.equal(it.said.length, 1);
  });

  test('needs the package lists on a fresh machine', async () => {
    using it = machine({
      'apt-get': `[ "$1" = update ] && : > lists && exit 0; [ -e lists ] || exit 100; ${installs}`,
    });
    assert.equal(await it.ensure(true), join(it.path, 'bwrap'));
    assert.deepEqual(it.calls(), [install, 'apt-get update', install]);
  });

  const hopeless: readonly (readonly [
    name: string,
    programs: Readonly<Record<string, string>>,
    isRoot: boolean,
    runs: readonly string[],
  ])[] = [
    ['a user who is not root installs nothing', { 'apt-get': installs }, false, []],
    ['a machine without apt-get is told what to do', {}, true, []],
    [
      'an installation that fails is told what to do',
      { 'apt-get': 'exit 100' },
      true,
      [install, 'apt-get update'],
    ],
    ['an installation that brings nothing is told what to do', { 'apt-get': '' }, true, [install]],
  ];
  for (const [name, programs, isRoot, runs] of hopeless) {
    test(name, async () => {
      using it = machine(programs);
      await assert.rejects(it.ensure(isRoot), sentence);
      assert.deepEqual(it.calls(), runs);
    });
  }
});

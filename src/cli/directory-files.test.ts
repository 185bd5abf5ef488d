import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { after, describe, test } from 'node:test';
import { readZip } from '../base/zip.ts';
import { skillForm } from '../protocol/skills.ts';
import { directoryFiles } from './directory-files.ts';
import { UsageMistake } from './io.ts';

const home = mkdtempSync(join(tmpdir(), 'anthill-files-'));
after(() => rmSync(home, { recursive: true }));

function put(path: string, mode = 0o644): void {
  mkdirSync(dirname(join(home, path)), { recursive: true });
  writeFileSync(join(home, path), path, { mode });
}
for (const path of ['ants/SKILL.md', 'ants/more/a.md', 'ants/more/SKILL.md', 'ants/.git/HEAD', 'lone/b.md'])
  put(path);
put('tools/SKILL.md');
put('tools/run.sh', 0o755);
put('ants.zip');
symlinkSync(join(home, 'lone'), join(home, 'linked'));
symlinkSync(join(home, 'round'), join(home, 'round'));

const files = (...paths: string[]) =>
  directoryFiles(
    paths.map((path) => join(home, path)),
    skillForm,
  );
const names = async (...paths: string[]) =>
  (await files(...paths)).map(({ name }) => name.replace(home.slice(1), ''));

describe('the files of a form', () => {
  const whole = ['ants/SKILL.md', 'ants/more/SKILL.md', 'ants/more/a.md'];
  const cases: readonly (readonly [given: string[], names: string[]])[] = [
    [['ants'], whole],
    [['ants/'], whole],
    [['ants/.'], whole],
    [['ants/SKILL.md'], ['ants/SKILL.md']],
    [['ants/more/SKILL.md'], ['more/SKILL.md']],
    [
      ['ants/more/a.md', 'ants/SKILL.md'],
      ['ants/more/a.md', 'ants/SKILL.md'],
    ],
    [['ants/SKILL.md', 'ants/more'], whole],
    [['lone'], ['lone/b.md']],
    [['linked'], ['linked/b.md']],
    [['ants.zip'], ['ants.zip']],
    [['lone/b.md'], ['b.md']],
  ];
  for (const [given, expected] of cases) {
    test(`${given.join(' and ')} are ${expected.join(', ')}`, async () => {
      assert.deepEqual(await names(...given), expected);
    });
  }

  test('have the same names wherever the command was typed', async () => {
    const named = async (path: string) =>
      (await directoryFiles([relative(process.cwd(), join(home, path))], skillForm)).map(({ name }) => name);
    assert.deepEqual(await named('ants'), whole);
    assert.deepEqual(await named('ants/SKILL.md'), ['ants/SKILL.md']);
  });

  test('are one archive where some may be executed', async () => {
    const [archive, ...more] = await files('tools');
    assert.ok(archive && more.length === 0);
    assert.equal(archive.name, 'tools.zip');
    const limits = { entriesMax: 10, bytesMax: 1_000 };
    const read = await readZip(new Uint8Array(await archive.arrayBuffer()), limits);
    assert.deepEqual(
      read.map(({ path, isExecutable }) => [path, isExecutable]),
      [
        ['tools/SKILL.md', false],
        ['tools/run.sh', true],
      ],
    );
  });

  test('that lie outside keep their path, for the server to judge', async () => {
    const [inside, outside] = await files('tools/SKILL.md', 'lone/b.md');
    assert.deepEqual([inside?.name, outside?.name], ['tools/SKILL.md', join(home, 'lone/b.md')]);
  });

  test('have the content of the disk', async () => {
    const contents = await Promise.all((await files('ants')).map((file) => file.text()));
    assert.deepEqual(contents, whole);
  });

  for (const [given, why] of [
    ['nothing', /cannot read the file ".*nothing"/],
    ['round', /cannot read the file ".*round"/],
  ] as const) {
    test(`are refused: ${given}`, async () => {
      await assert.rejects(files(given), (cause) => {
        assert.ok(cause instanceof UsageMistake);
        assert.match(cause.message, why);
        return true;
      });
    });
  }

  test('are not more than a form can hold', async () => {
    const form = { ...skillForm, partsMax: 2 };
    await assert.rejects(directoryFiles([join(home, 'ants')], form), /more than 2 files/);
  });
});

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { Entry } from '../../test/support/zips.ts';
import { collected, zipOf } from '../../test/support/zips.ts';
import { readZip } from '../base/zip.ts';
import { openBlobFiles } from '../store/blob-files.ts';
import type { UploadedFile } from './skill-upload.ts';
import { createUploadReader } from './skill-upload.ts';

const skillMd = '---\nname: ants\ndescription: d\n---\n';
const nowUs = 1_790_000_000_000_000;
const directory = mkdtempSync(join(tmpdir(), 'anthill-upload-'));
after(() => rmSync(directory, { recursive: true }));
const blobs = openBlobFiles(directory);
const read = createUploadReader(blobs);
const upload = (...files: UploadedFile[]) => read(files, { flatIn: null, nowUs });
const file = (filename: string, content: string | Uint8Array = skillMd): UploadedFile => ({
  filename,
  bytes: Buffer.from(content),
});
const zip = (...entries: Entry[]) => file('upload', zipOf(entries));

/** Paths in the archive that is kept, with an asterisk behind those that may be executed. */
async function kept(...files: UploadedFile[]): Promise<string[]> {
  const { staged } = await upload(...files);
  blobs.publish(staged);
  const archive = await collected(blobs.read(staged.sha256));
  assert.equal(archive.length, staged.bytes);
  const entries = await readZip(archive, { entriesMax: 10, bytesMax: 10_000 });
  return entries.map(({ path, isExecutable }) => (isExecutable ? `${path}*` : path));
}

describe('an upload', () => {
  test('is kept as an archive with a directory of the skill’s name', async () => {
    assert.deepEqual(await kept(file('dir/SKILL.md'), file('dir/a/b.txt', 'x')), [
      'ants/SKILL.md',
      'ants/a/b.txt',
    ]);
  });

  test('may be an archive, of which exactly its files are kept', async () => {
    const archive = zip(
      { name: 'dir/', mode: 0o040755 },
      { name: 'dir/SKILL.md', content: skillMd, method: 8, extra: Buffer.from([9, 9, 0, 0]) },
      { name: 'dir/run.sh', content: 'x', mode: 0o100777 },
      { name: '__MACOSX/dir/._SKILL.md', content: 'x' },
    );
    assert.deepEqual(await kept(archive), ['ants/SKILL.md', 'ants/run.sh*']);
  });

  test('of an archive among other files is a file', async () => {
    const files = [file('dir/SKILL.md'), file('dir/data.zip', zipOf([{ name: 'a' }]))];
    assert.deepEqual(await kept(...files), ['ants/SKILL.md', 'ants/data.zip']);
  });

  test('gives the same archive for the same files', async () => {
    const [first, second] = [await upload(file('a/SKILL.md')), await upload(file('b/SKILL.md'))];
    assert.equal(first.staged.sha256, second.staged.sha256);
    assert.deepEqual([first.bundle.directory, second.bundle.directory], ['a', 'b']);
  });

  const refused: readonly (readonly [name: string, file: UploadedFile, why: RegExp])[] = [
    ['a file that is called an archive', file('dir/ants.zip'), /zip archive cannot be used: .*not a zip/],
    ['a skill file that is none', file('ants.skill', 'x'), /zip archive cannot be used: .*not a zip/],
    ['an archive that is empty', file('a.zip', zipOf([])), /^files\[\]: Field required$/],
    ['an archive with a link', zip({ name: 'dir/a', mode: 0o120777 }), /cannot be used: "dir\/a" is a link/],
    [
      'an archive that leaves its directory',
      zip({ name: 'dir/../../a' }),
      /"dir\/..\/..\/a" must not contain/,
    ],
    ['an archive of absolute paths', zip({ name: '/dir/SKILL.md', content: skillMd }), /not be absolute/],
    ['an archive that is flat', zip({ name: 'SKILL.md', content: skillMd }), /one top-level directory/],
    [
      'an archive that holds a path twice',
      zip({ name: 'dir/SKILL.md', content: skillMd }, { name: 'dir/SKILL.md', content: 'other' }),
      /are the same/,
    ],
    [
      'an archive of too much',
      zip({ name: 'a', content: new Uint8Array(31 * 1024 * 1024), method: 8 }),
      /larger than 31457280 bytes/,
    ],
    [
      'an archive of too many files',
      zip(...Array.from({ length: 1001 }, (_, index) => ({ name: `dir/${index}` }))),
      /at most 1000 files/,
    ],
    [
      'an archive of too many directories',
      zip(...Array.from({ length: 2001 }, (_, index) => ({ name: `dir/${index}/` }))),
      /more than 2000 entries/,
    ],
  ];
  for (const [name, one, why] of refused) {
    test(`is refused: ${name}`, async () => {
      await assert.rejects(upload(one), ({ name: kind, code, message }) => {
        assert.deepEqual([kind, code], ['Refusal', 'invalid_request']);
        assert.match(message, why);
        return true;
      });
    });
  }
});

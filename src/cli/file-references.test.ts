import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { embedFiles } from './file-references.ts';
import { UsageMistake } from './io.ts';

describe('file references', () => {
  const folder = mkdtempSync(join(tmpdir(), 'anthill-files-'));
  after(() => rmSync(folder, { recursive: true }));
  const text = join(folder, 'prompt.txt');
  const binary = join(folder, 'scan.pdf');
  writeFileSync(text, 'Be kind.\n');
  writeFileSync(binary, Buffer.from([0x25, 0x50, 0xff, 0x00]));

  test('a text file is inlined wherever a string may stand', () => {
    const body = { system: `@${text}`, list: [{ text: `@file://${text}` }], count: 1, nothing: null };
    assert.deepEqual(embedFiles(body, 'x'), {
      system: 'Be kind.\n',
      list: [{ text: 'Be kind.\n' }],
      count: 1,
      nothing: null,
    });
  });

  test('a binary file becomes base64, a text file when asked to', () => {
    assert.equal(embedFiles(`@${binary}`, 'x'), 'JVD/AA==');
    assert.equal(embedFiles(`@data://${text}`, 'x'), Buffer.from('Be kind.\n').toString('base64'));
  });

  test('names and escapes stay text', () => {
    assert.equal(embedFiles('@someone', 'x'), '@someone');
    assert.equal(embedFiles('\\@someone', 'x'), '@someone');
    assert.equal(embedFiles(`\\@${text}`, 'x'), `@${text}`);
    assert.equal(embedFiles('mail a@b.c', 'x'), 'mail a@b.c');
  });

  test('a file that is not there is a mistake that names flag and file', () => {
    assert.throws(
      () => embedFiles(`@${folder}/none`, '--system'),
      (cause: unknown) => {
        assert.ok(cause instanceof UsageMistake);
        assert.match(cause.message, /--system: cannot read the file ".*none"/);
        return true;
      },
    );
    assert.throws(() => embedFiles('@data://none', 'x'), UsageMistake);
  });
});

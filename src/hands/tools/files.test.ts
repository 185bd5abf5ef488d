import assert from 'node:assert/strict';
import { lstatSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Answer, Tools } from '../../../test/support/tools.ts';
import { answered, openTools, refused } from '../../../test/support/tools.ts';
import { fileToolBytesMax, imageBytesMax } from '../../domain/limits.ts';

type Case = readonly [name: string, input: Readonly<Record<string, unknown>>, answer: Answer];

const gibibyte = 2 ** 30;
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const gif = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');

describe('the file tools', () => {
  let tools: Tools;
  const onHost = (path: string) => join(tools.workspace, path);
  const text = (path: string) => readFileSync(onHost(path), 'utf8');

  before(async () => {
    tools = await openTools();
    tools.put('three', 'one\ntwo\nthree\n');
    tools.put('unended', 'one\n\nthree');
    tools.put('empty', '');
    tools.put('binary', Buffer.from([0x61, 0, 0xff, 0xfe, 0x0a, 0x62]));
    tools.put('windows', '\ufeffone\r\ntwo\r\n');
    tools.put('long', 'x'.repeat(fileToolBytesMax));
    tools.put('longer', `first\n${'x'.repeat(fileToolBytesMax)}\nthird\nfourth\n`);
    tools.put('sparse', 'begin\n');
    truncateSync(onHost('sparse'), 4 * gibibyte);
    await tools.bash('mkfifo pipe');
    symlinkSync('/etc/shadow', onHost('to-shadow'));
    symlinkSync('three', onHost('to-three'));
    symlinkSync('round', onHost('round'));
  });
  after(() => tools.close());

  describe('read', () => {
    const tooLong = (name: string, size: number) =>
      refused(
        `read: ${name} is ${size} bytes, exceeds 262144-byte limit. Use the view_range parameter to read specific line ranges, e.g. view_range: [1, 500].`,
      );
    const cases: readonly Case[] = [
      ['numbers lines', { file_path: 'three' }, answered('1\tone\n2\ttwo\n3\tthree')],
      ['takes an absolute path', { file_path: '/workspace/three' }, answered('1\tone\n2\ttwo\n3\tthree')],
      ['numbers empty lines', { file_path: 'unended' }, answered('1\tone\n2\t\n3\tthree')],
      ['shows a range', { file_path: 'three', view_range: [2, 3] }, answered('2\ttwo\n3\tthree')],
      ['reads 0 as the end', { file_path: 'three', view_range: [2, 0] }, answered('2\ttwo\n3\tthree')],
      ['reads -1 as the end', { file_path: 'three', view_range: [3, -1] }, answered('3\tthree')],
      ['begins at the first line', { file_path: 'three', view_range: [-5, 1] }, answered('1\tone')],
      ['ends at the last line', { file_path: 'three', view_range: [3, 99] }, answered('3\tthree')],
      ['has nothing behind the end', { file_path: 'three', view_range: [4, 9] }, answered('(no output)')],
      ['has nothing backwards', { file_path: 'three', view_range: [3, 2] }, answered('(no output)')],
      [
        'takes an empty range for none',
        { file_path: 'three', view_range: [] },
        answered('1\tone\n2\ttwo\n3\tthree'),
      ],
      ['shows an empty file as nothing', { file_path: 'empty' }, answered('(no output)')],
      ['makes text of bytes', { file_path: 'binary' }, answered('1\ta\ufffd\ufffd\ufffd\n2\tb')],
      ['leaves marks and carriage returns', { file_path: 'windows' }, answered('1\t\ufeffone\r\n2\ttwo\r')],
      ['follows links inside', { file_path: 'to-three' }, answered('1\tone\n2\ttwo\n3\tthree')],
      [
        'follows none to the host',
        { file_path: 'to-shadow' },
        refused('read: to-shadow: no such file or directory'),
      ],
      [
        'gives up on a link to itself',
        { file_path: 'round' },
        refused('read: round: too many levels of symbolic links'),
      ],
      ['refuses a missing file', { file_path: 'none' }, refused('read: none: no such file or directory')],
      ['refuses a file as a directory', { file_path: 'three/x' }, refused('read: three/x: not a directory')],
      ['refuses a directory', { file_path: '/workspace' }, refused('read: /workspace is not a regular file')],
      ['does not wait for a pipe', { file_path: 'pipe' }, refused('read: pipe is not a regular file')],
      [
        'does not read a device',
        { file_path: '/dev/zero' },
        refused('read: /dev/zero is not a regular file'),
      ],
      [
        'refuses a name too long',
        { file_path: 'n'.repeat(300) },
        refused(`read: ${'n'.repeat(300)}: file name too long`),
      ],
      ['refuses a large file', { file_path: 'longer' }, tooLong('longer', fileToolBytesMax + 20)],
      ['refuses a huge sparse file', { file_path: 'sparse' }, tooLong('sparse', 4 * gibibyte)],
      [
        'shows a range of a large file',
        { file_path: 'longer', view_range: [3, 0] },
        answered('3\tthird\n4\tfourth'),
      ],
      ['and its first lines', { file_path: 'sparse', view_range: [1, 1] }, answered('1\tbegin')],
      ['nothing behind its end', { file_path: 'longer', view_range: [9, 10] }, answered('(no output)')],
      ['nothing of it backwards', { file_path: 'longer', view_range: [9, 8] }, answered('(no output)')],
      [
        'but no line that is too long',
        { file_path: 'longer', view_range: [2, 2] },
        refused(
          'read: line 2 of longer alone exceeds 262144-byte limit. The read tool cannot return part of a line, so view_range cannot narrow this further.',
        ),
      ],
      [
        'and no range that is too long',
        { file_path: 'sparse', view_range: [1, 2] },
        refused(
          'read: view_range [1, 2] of sparse exceeds 262144-byte limit. Narrow the view_range to read a smaller portion.',
        ),
      ],
    ];
    for (const [name, input, answer] of cases) {
      test(name, async () => assert.deepEqual(await tools.call('read', input), answer));
    }

    test('shows a file of exactly the limit, through its spilled preview', async () => {
      const { text: shown } = await tools.call('read', { file_path: 'long' });
      assert.match(shown ?? '', /^1\tx{1998}\n\n\[262146 characters in all; the full text is in \//);
    });

    test('shows an image as an image, whatever its name', async () => {
      for (const [name, bytes, type] of [
        ['picture', png, 'image/png'],
        ['wrong.png', gif, 'image/gif'],
      ] as const) {
        tools.put(name, bytes);
        const { content } = await tools.run('read', { file_path: name });
        const source = { type: 'base64', media_type: type, data: bytes.toString('base64') };
        assert.deepEqual(content, [{ type: 'image', source }]);
      }
    });

    test('shows text as text, whatever its name', async () => {
      tools.put('text.png', 'no image');
      assert.deepEqual(await tools.call('read', { file_path: 'text.png' }), answered('1\tno image'));
    });

    test('refuses an image that would poison the conversation', async () => {
      tools.put('cut.png', png.subarray(0, 40));
      tools.put('large.png', Buffer.concat([png, Buffer.alloc(imageBytesMax)]));
      tools.put('large-cut.png', Buffer.concat([png.subarray(0, 40), Buffer.alloc(fileToolBytesMax)]));
      assert.deepEqual(
        await tools.call('read', { file_path: 'cut.png' }),
        refused('read: cut.png is an incomplete image'),
      );
      assert.deepEqual(
        await tools.call('read', { file_path: 'large.png' }),
        refused(
          `read: large.png is ${imageBytesMax + png.length} bytes, exceeds 3932160-byte limit for images`,
        ),
      );
      assert.equal((await tools.call('read', { file_path: 'large-cut.png' })).isError, true);
    });

    test('an abort ends a long search for lines', async () => {
      const aborted = new AbortController();
      const reading = tools.call('read', { file_path: 'sparse', view_range: [5, 6] }, aborted.signal);
      aborted.abort();
      assert.deepEqual(await reading, refused('read: aborted'));
    });
  });

  describe('write', () => {
    test('makes the file and its parents', async () => {
      const answer = await tools.call('write', { file_path: 'a/b/c.txt', content: 'héllo\n' });
      assert.deepEqual(answer, answered('File created: /workspace/a/b/c.txt'));
      assert.equal(text('a/b/c.txt'), 'héllo\n');
    });

    test('replaces all of what was there, and keeps its permissions', async () => {
      await tools.bash('printf "%0100d" 1 > script; chmod 750 script');
      await tools.call('write', { file_path: '/workspace/script', content: 'short' });
      assert.equal(text('script'), 'short');
      assert.equal(lstatSync(onHost('script')).mode & 0o777, 0o750);
      await tools.call('write', { file_path: 'script', content: '' });
      assert.equal(text('script'), '');
    });

    test('stores any text, also what is larger than every buffer', async () => {
      const content = `\0${'é'.repeat(1_000_000)}\ud800`;
      await tools.call('write', { file_path: 'any', content });
      assert.equal(text('any'), content.toWellFormed());
    });

    const refusals: readonly Case[] = [
      ['a directory', { file_path: 'a', content: '' }, refused('write: a: is a directory')],
      [
        'a directory by its slash',
        { file_path: 'new/', content: '' },
        refused('write: new/: is a directory'),
      ],
      [
        'a parent that is a file',
        { file_path: 'three/x', content: '' },
        refused('write: three/x: not a directory'),
      ],
      [
        'a pipe that nobody reads',
        { file_path: 'pipe', content: '' },
        refused('write: pipe: no such device or address'),
      ],
      [
        'uploads',
        { file_path: '/mnt/session/uploads/x', content: '' },
        refused('write: /mnt/session/uploads/x: read-only file system'),
      ],
      [
        'the system',
        { file_path: '/usr/bin/x', content: '' },
        refused('write: /usr/bin/x: read-only file system'),
      ],
      ['a device', { file_path: '/dev/null', content: '' }, refused('write: /dev/null: invalid argument')],
    ];
    for (const [name, input, answer] of refusals) {
      test(`refuses ${name}`, async () => assert.deepEqual(await tools.call('write', input), answer));
    }

    test('a link to the host writes nothing there', async () => {
      const outside = join(tools.workspace, '..', 'outside');
      writeFileSync(outside, 'untouched');
      symlinkSync(outside, onHost('to-outside'));
      await tools.call('write', { file_path: 'to-outside', content: 'changed' });
      assert.equal(readFileSync(outside, 'utf8'), 'untouched');
    });
  });

  describe('edit', () => {
    const cases: readonly (readonly [
      name: string,
      before: string,
      change: Readonly<Record<string, unknown>>,
      answer: Answer,
      after: string,
    ])[] = [
      [
        'replaces what is there once',
        'a b c',
        { old_string: 'b', new_string: 'B' },
        answered('edited f (1 replacement(s))'),
        'a B c',
      ],
      [
        'takes nothing for a pattern',
        'a.b $1',
        { old_string: '.', new_string: '$&$1\\n' },
        answered('edited f (1 replacement(s))'),
        'a$&$1\\nb $1',
      ],
      [
        'deletes',
        'a b c',
        { old_string: ' b', new_string: '' },
        answered('edited f (1 replacement(s))'),
        'a c',
      ],
      [
        'replaces over lines',
        'a\nb\nc',
        { old_string: 'a\nb', new_string: 'x' },
        answered('edited f (1 replacement(s))'),
        'x\nc',
      ],
      [
        'replaces all on demand',
        'a a a',
        { old_string: 'a', new_string: 'b', replace_all: true },
        answered('edited f (3 replacement(s))'),
        'b b b',
      ],
      [
        'refuses what is there twice',
        'a a',
        { old_string: 'a', new_string: 'b' },
        refused('edit: old_string appears 2 times in f (must be unique)'),
        'a a',
      ],
      [
        'refuses what is not there',
        'a',
        { old_string: 'b', new_string: 'c' },
        refused('edit: old_string not found in f'),
        'a',
      ],
      [
        'nor with replace_all',
        'a',
        { old_string: 'b', new_string: 'c', replace_all: true },
        refused('edit: old_string not found in f'),
        'a',
      ],
      [
        'refuses to change nothing',
        'a',
        { old_string: 'a', new_string: 'a' },
        refused('edit: old_string and new_string are the same'),
        'a',
      ],
      [
        'refuses an empty old_string',
        'a',
        { old_string: '', new_string: 'b' },
        refused('edit: old_string is required'),
        'a',
      ],
    ];
    for (const [name, content, change, answer, result] of cases) {
      test(name, async () => {
        tools.put('f', content);
        await tools.bash('cat f > g && mv g f');
        assert.deepEqual(await tools.call('edit', { file_path: 'f', ...change }), answer);
        assert.equal(text('f'), result);
      });
    }

    test('bytes that are no text stay as they are around an edit', async () => {
      await tools.bash("printf '\\xff\\xe9 é \\x00' > bytes");
      await tools.call('edit', { file_path: 'bytes', old_string: 'é', new_string: 'ü' });
      assert.deepEqual(readFileSync(onHost('bytes')), Buffer.from([0xff, 0xe9, 0x20, 0xc3, 0xbc, 0x20, 0]));
    });

    const refusals: readonly Case[] = [
      ['a missing file', { file_path: 'none' }, refused('edit: none: no such file or directory')],
      ['a directory', { file_path: '/workspace' }, refused('edit: /workspace is not a regular file')],
      ['a pipe', { file_path: 'pipe' }, refused('edit: pipe is not a regular file')],
      [
        'a file too large',
        { file_path: 'sparse' },
        refused(
          `edit: sparse is ${4 * gibibyte} bytes, exceeds 262144-byte limit. The edit tool loads the whole file and cannot modify a file this large.`,
        ),
      ],
    ];
    for (const [name, input, answer] of refusals) {
      test(`refuses ${name}`, async () => {
        const change = { old_string: 'a', new_string: 'b' };
        assert.deepEqual(await tools.call('edit', { ...input, ...change }), answer);
      });
    }
  });
});

import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, truncateSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Answer, Tools } from '../../../test/support/tools.ts';
import { answered, openTools, refused } from '../../../test/support/tools.ts';

type Case = readonly [name: string, input: Readonly<Record<string, unknown>>, answer: Answer];

const nothing = answered('no matches');
const inWorkspace = (...paths: readonly string[]) =>
  answered(paths.map((path) => `/workspace/${path}`).join('\n'));

describe('glob', () => {
  let tools: Tools;
  /** Newest first. */
  const files = [
    'new.ts',
    'src/deep/er/a.test.ts',
    'src/a.ts',
    'src/b.tsx',
    'src/.hidden.ts',
    '.config/c.ts',
    'é.ts',
    '[x].ts',
    'old.ts',
    'node_modules/m.ts',
    '.git/g.ts',
    'src/node_modules/n.ts',
  ];

  before(async () => {
    tools = await openTools();
    for (const [age, path] of files.entries()) {
      mkdirSync(join(tools.workspace, dirname(path)), { recursive: true });
      tools.put(path, '');
      utimesSync(join(tools.workspace, path), 1_000_000, 1_000_000 - age);
    }
    mkdirSync(join(tools.workspace, 'dir.ts'));
    symlinkSync('/', join(tools.workspace, 'root'));
    symlinkSync('new.ts', join(tools.workspace, 'link.ts'));
    await tools.bash('mkfifo pipe.ts');
  });
  after(() => tools.close());

  const cases: readonly Case[] = [
    ['a star stays in its directory', { pattern: '*.ts' }, inWorkspace('new.ts', 'é.ts', '[x].ts', 'old.ts')],
    [
      'two stars cross directories, newest first',
      { pattern: '**/*.ts' },
      inWorkspace('new.ts', 'src/deep/er/a.test.ts', 'src/a.ts', 'é.ts', '[x].ts', 'old.ts'),
    ],
    [
      'two stars at the end mean every file below',
      { pattern: 'src/**' },
      inWorkspace('src/deep/er/a.test.ts', 'src/a.ts', 'src/b.tsx'),
    ],
    [
      'two stars in the middle may be nothing',
      { pattern: 'src/**/a*' },
      inWorkspace('src/deep/er/a.test.ts', 'src/a.ts'),
    ],
    ['a question mark is one character', { pattern: '?.ts' }, inWorkspace('é.ts')],
    ['a class', { pattern: 'src/[a-b].ts*' }, inWorkspace('src/a.ts', 'src/b.tsx')],
    ['a negated class', { pattern: 'src/[!a].*' }, inWorkspace('src/b.tsx')],
    ['a bracket that never closes is itself', { pattern: '[x*' }, inWorkspace('[x].ts')],
    ['a backslash takes the meaning away', { pattern: '\\[x\\].ts' }, inWorkspace('[x].ts')],
    ['alternatives', { pattern: 'src/*.{ts,tsx}' }, inWorkspace('src/a.ts', 'src/b.tsx')],
    [
      'nested alternatives over directories',
      { pattern: '{old,src/{a,deep/er/*.test}}.ts' },
      inWorkspace('src/deep/er/a.test.ts', 'src/a.ts', 'old.ts'),
    ],
    ['braces without a choice are themselves', { pattern: '{old}.ts' }, nothing],
    ['hidden files only when named so', { pattern: '**/.*.ts' }, inWorkspace('src/.hidden.ts')],
    ['hidden directories only when named so', { pattern: '.config/*' }, inWorkspace('.config/c.ts')],
    ['no repository and no dependencies', { pattern: '{.git,node_modules,src/node_modules}/*' }, nothing],
    ['no links', { pattern: '{link.ts,root/etc/*}' }, nothing],
    ['a directory to search', { pattern: '*.ts', path: 'src' }, inWorkspace('src/a.ts')],
    [
      'an absolute directory, with slashes',
      { pattern: '*.ts', path: '/workspace/src//' },
      inWorkspace('src/a.ts'),
    ],
    ['the whole system', { pattern: 'etc/hostname', path: '/' }, answered('/etc/hostname')],
    ['a leading dot', { pattern: './old.ts' }, inWorkspace('old.ts')],
    ['nothing', { pattern: 'none' }, nothing],
    ['a missing directory', { pattern: '*', path: 'none' }, refused('glob: none: no such file or directory')],
    ['a file for a directory', { pattern: '*', path: 'old.ts' }, refused('glob: old.ts: not a directory')],
    ['no pattern', {}, refused('glob: pattern is required')],
    ['an empty pattern', { pattern: '' }, refused('glob: pattern is required')],
    [
      'an absolute pattern',
      { pattern: '/etc/*' },
      refused('glob: absolute pattern not permitted; pass a relative pattern (and optionally path)'),
    ],
    [
      'a pattern that climbs',
      { pattern: 'a/{b,..}/c' },
      refused('glob: ".." is not permitted in the pattern'),
    ],
    ['a NUL', { pattern: 'a\0b' }, refused('glob: pattern must not contain a NUL byte')],
    ['too many alternatives', { pattern: '{a,b}'.repeat(11) }, refused('glob: too many alternatives')],
  ];
  for (const [name, input, answer] of cases) {
    test(name, async () => assert.deepEqual(await tools.call('glob', input), answer));
  }

  test('a pattern made to explode does not', async () => {
    const name = 'a'.repeat(200);
    tools.put(name, '');
    const patterns = [`${'*a'.repeat(60)}b`, `${'**/'.repeat(80)}b`, `${'{a,'.repeat(300)}`, '['.repeat(900)];
    for (const pattern of patterns) assert.deepEqual(await tools.call('glob', { pattern }), nothing);
    assert.deepEqual(await tools.call('glob', { pattern: '*a'.repeat(60) }), inWorkspace(name));
  });

  test('no more than 200 files, the newest', async () => {
    await tools.bash('mkdir many; for i in $(seq 1000 1300); do touch -d @$i many/$i; done');
    const { text } = await tools.call('glob', { pattern: 'many/*' });
    const shown = text?.split('\n') ?? [];
    assert.equal(shown.length, 200);
    assert.deepEqual([shown[0], shown.at(-1)], ['/workspace/many/1300', '/workspace/many/1101']);
  });
});

describe('grep', () => {
  let tools: Tools;

  before(async () => {
    tools = await openTools();
    mkdirSync(join(tools.workspace, 'sub'));
    mkdirSync(join(tools.workspace, 'node_modules'));
    tools.put('a.ts', 'one\nTwo 22\nthree\nfour\n');
    tools.put('sub/b.tsx', 'two\nonetwo\n');
    tools.put('c.py', 'def two(): pass\n');
    tools.put('node_modules/d.ts', 'two\n');
    tools.put('binary', Buffer.from('two\0\n'));
  });
  after(() => tools.close());

  // A tree of files has no order of its own, so lines are compared sorted.
  const cases: readonly (readonly [
    name: string,
    input: Readonly<Record<string, unknown>>,
    lines: readonly string[],
  ])[] = [
    [
      'lines with path and number',
      { pattern: 'two' },
      ['c.py:1:def two(): pass', 'sub/b.tsx:1:two', 'sub/b.tsx:2:onetwo'],
    ],
    ['one file', { pattern: 'two', path: 'sub/b.tsx' }, ['sub/b.tsx:1:two', 'sub/b.tsx:2:onetwo']],
    ['one directory', { pattern: '^two$', path: '/workspace/sub' }, ['sub/b.tsx:1:two']],
    ['digits, groups, look-ahead', { pattern: '(?:Two|four)(?= \\d+)' }, ['a.ts:2:Two 22']],
    ['ignoring case', { pattern: 'TWO', '-i': true, path: 'a.ts' }, ['a.ts:2:Two 22']],
    ['a pattern that begins with a dash', { pattern: '-two' }, []],
    ['without numbers', { pattern: 'three', '-n': false }, ['a.ts:three']],
    ['context after', { pattern: 'Two', '-A': 1 }, ['a.ts-3-three', 'a.ts:2:Two 22']],
    ['context before', { pattern: 'Two', '-B': 1 }, ['a.ts-1-one', 'a.ts:2:Two 22']],
    ['context around', { pattern: 'Two', '-C': 1 }, ['a.ts-1-one', 'a.ts-3-three', 'a.ts:2:Two 22']],
    ['context by its long name', { pattern: 'Two', context: 1, '-A': 0 }, ['a.ts-1-one', 'a.ts:2:Two 22']],
    ['files', { pattern: 'two', output_mode: 'files_with_matches' }, ['c.py', 'sub/b.tsx']],
    ['counts, of files that match', { pattern: 'two', output_mode: 'count' }, ['c.py:1', 'sub/b.tsx:2']],
    [
      'only files of a glob',
      { pattern: 'o', glob: '**/*.{tsx,py}' },
      ['c.py:1:def two(): pass', 'sub/b.tsx:1:two', 'sub/b.tsx:2:onetwo'],
    ],
    ['only files of a type', { pattern: 'two', type: 'python' }, ['c.py:1:def two(): pass']],
    [
      'a glob says more than a type',
      { pattern: 'o', glob: 'a.*', type: 'ts', head_limit: 1 },
      ['a.ts:1:one'],
    ],
    ['the first', { pattern: 'o', path: 'a.ts', head_limit: 2 }, ['a.ts:1:one', 'a.ts:2:Two 22']],
    ['the next', { pattern: 'o', path: 'a.ts', head_limit: 1, offset: 1 }, ['a.ts:2:Two 22']],
    ['across lines', { pattern: 'one\\nTwo', multiline: true, output_mode: 'files_with_matches' }, ['a.ts']],
  ];
  for (const [name, input, lines] of cases) {
    test(name, async () => {
      const { text, isError } = await tools.call('grep', input);
      const shown = text === 'no matches' ? [] : (text ?? '').split('\n').sort();
      assert.deepEqual(
        shown,
        lines.map((line) => `/workspace/${line}`),
      );
      assert.equal(isError, false);
    });
  }

  test('a match across lines is shown as it stands', async () => {
    const { text } = await tools.call('grep', { pattern: 'Two.*\\nthr', multiline: true, path: 'a.ts' });
    assert.match(text ?? '', /Two 22\nthr/);
    assert.doesNotMatch(text ?? '', /one/);
  });

  const refusals: readonly Case[] = [
    ['no pattern', {}, refused('grep: pattern is required')],
    ['an empty pattern', { pattern: '' }, refused('grep: pattern is required')],
    ['a NUL in the pattern', { pattern: 'a\0b' }, refused('grep: pattern must not contain a NUL byte')],
    ['a missing path', { pattern: 'a', path: 'none' }, refused('grep: none: no such file or directory')],
    [
      'a device',
      { pattern: 'a', path: '/dev/zero' },
      refused('grep: /dev/zero is not a regular file or directory'),
    ],
    [
      'an unknown mode',
      { pattern: 'a', output_mode: 'lines' },
      refused('grep: output_mode must be one of content, files_with_matches, count'),
    ],
    [
      'a negative limit',
      { pattern: 'a', head_limit: -1 },
      refused('grep: head_limit must be a whole number of at least 0'),
    ],
    ['an unknown option', { pattern: 'a', '-v': true }, refused('grep: unknown field -v')],
    [
      'a field every object has',
      { pattern: 'a', constructor: true },
      refused('grep: unknown field constructor'),
    ],
    [
      'a pattern longer than an argument may be',
      { pattern: 'a'.repeat(600_000) },
      refused('grep: the arguments are too long or contain a NUL byte'),
    ],
  ];
  for (const [name, input, answer] of refusals) {
    test(`refuses ${name}`, async () => assert.deepEqual(await tools.call('grep', input), answer));
  }

  test('a bad pattern is explained', async () => {
    const { text, isError } = await tools.call('grep', { pattern: '(' });
    assert.match(text ?? '', /^grep: (?!grep: )\S+/);
    assert.equal(isError, true);
  });

  test('an argument the system refuses is an error, not a dead sandbox', async () => {
    const { text } = await tools.call('grep', { pattern: 'a'.repeat(300_000) });
    assert.match(text ?? '', /^grep: .*Argument list too long$/);
    assert.deepEqual(await tools.bash('echo alive'), answered('alive'));
  });

  test('pipes, sparse files, links and unreadable files hold nothing up', async () => {
    await tools.bash(
      'mkdir trap && cd trap && mkfifo pipe && ln -s . loop && ln -s / root && echo two > secret && chmod 0 secret',
    );
    tools.put('trap/sparse', '');
    truncateSync(join(tools.workspace, 'trap/sparse'), 2 ** 34);
    tools.put('trap/real', 'two\n');
    const found = await tools.call('grep', { pattern: 'two', path: 'trap' });
    assert.deepEqual(found, inWorkspace('trap/real:1:two'));
    assert.deepEqual(
      await tools.call('grep', { pattern: 'two', path: 'trap/pipe' }),
      refused('grep: /workspace/trap/pipe is not a regular file or directory'),
    );
    await tools.bash('cd /workspace; rm -rf trap');
  });

  test('a line too long to be of use hides no other', async () => {
    await tools.bash(
      'mkdir wide; for i in 1 2 3; do head -c 300000 /dev/zero | tr "\\0" z > wide/$i.js; done; echo z > wide/4.js',
    );
    assert.deepEqual(await tools.call('grep', { pattern: 'z', path: 'wide' }), inWorkspace('wide/4.js:1:z'));
    await tools.bash('rm -rf wide');
  });

  test('files without a match take no room in counts', async () => {
    await tools.bash(
      'mkdir none; long=$(printf "%0240d" 0); for i in $(seq 500); do echo a > none/$long$i; done; echo b > none/b',
    );
    const counted = await tools.call('grep', { pattern: 'b', path: 'none', output_mode: 'count' });
    assert.deepEqual(counted, inWorkspace('none/b:1'));
    await tools.bash('rm -rf none');
  });

  test('more than 100 KiB is cut at a line, and says so', async () => {
    await tools.bash('seq 1000000 > numbers');
    const { text } = await tools.call('grep', { pattern: '.', path: 'numbers' });
    assert.match(text ?? '', /\n\/workspace\/numbers:(\d+):\1\n\[output truncated at 102400 bytes\]$/);
  });

  test('an abort ends the search', async () => {
    const aborted = new AbortController();
    await tools.bash('mkfifo feed; echo a > plain');
    const searching = tools.call('grep', { pattern: '(a*)*b', path: '/usr' }, aborted.signal);
    aborted.abort();
    assert.deepEqual(await searching, refused('grep: aborted'));
  });
});

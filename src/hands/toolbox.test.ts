import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Tools } from '../../test/support/tools.ts';
import { answered, openTools, refused } from '../../test/support/tools.ts';

const spill = '/mnt/session/tool_outputs/sevt_1.txt';

describe('the toolbox', () => {
  let tools: Tools;
  const spilled = () => readFileSync(join(tools.workspace, '../tool_outputs/sevt_1.txt'), 'utf8');
  before(async () => {
    tools = await openTools();
  });
  after(() => tools.close());

  test('shows up to 100 000 characters as they are', async () => {
    const { text } = await tools.bash("printf '%0100000d' 0");
    assert.equal(text, '0'.repeat(100_000));
  });

  test('shows the beginning of more, and where all of it is', async () => {
    const { text, isError } = await tools.bash('seq 100000; exit_with() { return 2; }; exit_with');
    const all = spilled();
    assert.match(all, /^1\n2\n3\n[\s\S]*\n99999\n100000$/);
    assert.equal(text, `${all.slice(0, 2_000)}\n\n[588894 characters in all; the full text is in ${spill}]`);
    assert.equal(isError, true);
    assert.deepEqual(await tools.bash(`tail -n 1 ${spill}`), answered('100000'));
  });

  test('keeps the end of what is far too much, and marks the cut', async () => {
    const { text } = await tools.bash('head -c 100000000 /dev/zero | tr "\\0" x; echo; echo the end');
    assert.match(
      text ?? '',
      /^\[output truncated\]\nx{1981}\n\n\[8\d{6} characters in all; the full text is in /,
    );
    assert.match(spilled(), /^\[output truncated\]\nx+\nthe end$/);
  });

  test('counts characters, and cuts none in two', async () => {
    const { text } = await tools.bash("printf 'a'; printf '😀%.0s' $(seq 60000)");
    assert.match(text ?? '', /^a(😀){999}\ufffd\n\n\[120001 characters in all/u);
  });

  test('a trap laid where the full text goes costs only the full text', async () => {
    await tools.bash(`rm ${spill}; ln -s /etc/shadow ${spill}`);
    const long = "printf '%0200000d' 0";
    const { text } = await tools.bash(long);
    assert.match(
      text ?? '',
      /^0{2000}\n\n\[200000 characters in all; the full text could not be stored: .*\]$/,
    );
    await tools.bash(`rm ${spill}; mkfifo ${spill}`);
    assert.match((await tools.bash(long)).text ?? '', /could not be stored: .*No such device or address\]$/);
    await tools.bash(`rm ${spill}; ln -s /workspace/chosen ${spill}`);
    await tools.bash(long);
    assert.ok(existsSync(join(tools.workspace, 'chosen')), 'links are followed inside, not on the host');
    await tools.bash(`rm ${spill}`);
  });

  test('a hundred calls at once are all answered', async () => {
    const calls = Array.from({ length: 100 }, async (_, index) => {
      const path = `many/${index}`;
      await tools.call('write', { file_path: path, content: String(index) });
      return (await tools.call('read', { file_path: path })).text;
    });
    assert.deepEqual(
      await Promise.all(calls),
      Array.from({ length: 100 }, (_, index) => `1\t${index}`),
    );
  });

  test('tools of every kind work while a command runs', async () => {
    const running = tools.bash('echo begun > begun; until [ -s go ]; do sleep 0.01; done; cat go');
    while ((await tools.call('read', { file_path: 'begun' })).text !== '1\tbegun');
    assert.deepEqual(
      await tools.call('grep', { pattern: 'begun', path: 'begun' }),
      answered('/workspace/begun:1:begun'),
    );
    assert.deepEqual(await tools.call('glob', { pattern: 'beg*' }), answered('/workspace/begun'));
    await tools.call('write', { file_path: 'go', content: 'now' });
    assert.deepEqual(await running, answered('now'));
  });

  const inputs: readonly (readonly [tool: string, input: unknown, text: string])[] = [
    ['web_search', { query: 'x' }, 'the tool web_search is not available'],
    ['constructor', {}, 'constructor: the tool is not available'],
    ['read', {}, 'read: file_path is required'],
    ['read', { file_path: '' }, 'read: file_path is required'],
    ['read', { file_path: 5 }, 'read: file_path must be a string'],
    ['read', { file_path: 'a\0b' }, 'read: file_path must not contain a NUL byte'],
    ['read', { file_path: 'a', view_range: [1] }, 'read: view_range must be [start_line, end_line]'],
    ['read', { file_path: 'a', view_range: [1, 2.5] }, 'read: view_range must be [start_line, end_line]'],
    ['read', { file_path: 'a', view_range: '1-2' }, 'read: view_range must be [start_line, end_line]'],
    ['read', { path: 'a' }, 'read: file_path is required'],
    ['read', null, 'read: the input must be an object'],
    ['read', ['a'], 'read: the input must be an object'],
    ['write', { file_path: 'a' }, 'write: content is required'],
    ['write', { file_path: 'a', content: { b: 1 } }, 'write: content must be a string'],
    ['edit', { file_path: 'a', old_string: 'b' }, 'edit: new_string is required'],
    [
      'edit',
      { file_path: 'a', old_string: 'b', new_string: 'c', replace_all: 'yes' },
      'edit: replace_all must be a boolean',
    ],
    ['read', JSON.parse('{"file_path": "a", "__proto__": 1}'), 'read: unknown field __proto__'],
  ];
  for (const [tool, input, text] of inputs) {
    test(`refuses ${tool} with ${JSON.stringify(input)}`, async () => {
      // What a model sends may be anything, whatever the type says.
      const sent = input as Readonly<Record<string, unknown>>;
      assert.deepEqual(await tools.call(tool, sent), refused(text));
    });
  }

  test('null stands for a field that is absent', async () => {
    writeFileSync(join(tools.workspace, 'nulls'), 'a\n');
    const input = { file_path: 'nulls', view_range: null };
    assert.deepEqual(await tools.call('read', input), answered('1\ta'));
  });
});

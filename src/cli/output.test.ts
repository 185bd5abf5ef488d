import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { capture } from '../../test/support/cli-io.ts';
import { UsageMistake } from './io.ts';
import type { OutputOptions } from './output.ts';
import { createOutput, formatOf } from './output.ts';

const session = { id: 'sesn_1', tags: [], stats: { seconds: 1.5 }, title: null };

function printed(
  value: unknown,
  place: 'one' | 'item',
  options: Partial<OutputOptions> & { isTTY?: boolean } = {},
) {
  const { isTTY = false, ...others } = options;
  const stream = capture(isTTY);
  createOutput({ stream, env: {}, format: 'auto', transform: null, isRaw: false, ...others })(value, place);
  return stream.text;
}

describe('output', () => {
  test('on a pipe, one answer is indented JSON and items are lines of JSON', () => {
    assert.equal(printed(session, 'one'), `${JSON.stringify(session, null, 2)}\n`);
    assert.equal(printed(session, 'item'), `${JSON.stringify(session)}\n`);
  });

  test('--format json and jsonl hold for both', () => {
    assert.equal(printed(session, 'item', { format: 'json' }), `${JSON.stringify(session, null, 2)}\n`);
    assert.equal(printed(session, 'one', { format: 'jsonl' }), `${JSON.stringify(session)}\n`);
  });

  test('--format yaml', () => {
    assert.equal(printed({ id: 'a', n: 1 }, 'one', { format: 'yaml' }), 'id: a\nn: 1\n');
    assert.equal(printed(session, 'one', { format: 'yaml', transform: 'id' }), 'sesn_1\n');
  });

  test('on a terminal names are coloured, unless NO_COLOR says otherwise', () => {
    const coloured = printed({ id: 'a', list: [1], none: {} }, 'one', { isTTY: true });
    assert.ok(coloured.startsWith('\u001b[36mid\u001b[39m: \u001b[32ma\u001b[39m\n'));
    const plain = printed({ id: 'a', list: [1], none: {} }, 'one', { isTTY: true, env: { NO_COLOR: '1' } });
    assert.equal(plain, 'id: a\nlist:\n  - 1\nnone: {}\n');
  });

  test('a pipe is never coloured', () => {
    assert.ok(!printed(session, 'one', { format: 'pretty' }).includes('\u001b'));
  });

  test('text from an agent cannot send control sequences to the terminal', () => {
    const text = printed({ text: 'a\u001b]0;owned\u0007b\r\u009b31mc\nd' }, 'one', {
      isTTY: true,
      env: { NO_COLOR: '1' },
    });
    assert.equal(text, 'text: a]0;ownedb31mc\n  d\n');
  });

  test('a transformed string is JSON, and bare with --raw-output', () => {
    assert.equal(printed(session, 'one', { transform: 'id' }), '"sesn_1"\n');
    assert.equal(printed(session, 'one', { transform: 'id', isRaw: true }), 'sesn_1\n');
    assert.equal(printed(session, 'one', { transform: 'id', isRaw: true, format: 'json' }), 'sesn_1\n');
    assert.equal(
      printed(session, 'one', { transform: 'stats', isRaw: true, format: 'jsonl' }),
      '{"seconds":1.5}\n',
    );
  });

  test('an item without the part that is asked for prints nothing', () => {
    assert.equal(printed(session, 'item', { transform: 'content.0.text' }), '');
    assert.equal(printed(session, 'item', { transform: 'title' }), 'null\n');
  });

  test('raw ignores the transform', () => {
    assert.equal(printed({ id: 'a' }, 'one', { format: 'raw', transform: 'id' }), '{\n  "id": "a"\n}\n');
  });

  test('an unknown format is a usage mistake', () => {
    assert.throws(() => formatOf('xml'), UsageMistake);
    assert.equal(formatOf(null), 'auto');
  });
});

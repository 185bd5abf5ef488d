import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createLastBytes } from './last-bytes.ts';
import { readLines } from './lines.ts';

describe('the last bytes of a stream', () => {
  test('are an end of it: all of it, or at least as much as asked for', () => {
    const max = 100_000;
    fc.assert(
      fc.property(fc.array(fc.nat(200_000), { maxLength: 8 }), (sizes) => {
        const pieces = sizes.map((size, index) => Buffer.alloc(size, `${index}, `));
        const last = createLastBytes(max);
        for (const piece of pieces) last.add(piece);
        const [all, kept] = [Buffer.concat(pieces), last.bytes()];
        assert.ok(all.subarray(all.length - kept.length).equals(kept));
        assert.equal(last.isCut, kept.length < all.length);
        assert.ok(!last.isCut || (kept.length >= max && kept.length <= max + 128 * 1024));
      }),
    );
  });

  test('begin with a whole character after a cut', () => {
    for (let shift = 0; shift < 4; shift++) {
      const last = createLastBytes(100_000);
      last.add(Buffer.from('x'.repeat(shift) + '😀'.repeat(100_000)));
      assert.ok(last.isCut);
      assert.match(last.bytes().toString(), /^😀/u);
    }
  });

  test('are untouched when nothing was cut, text or not', () => {
    const last = createLastBytes(100);
    last.add(Buffer.from([0x80, 0x80]));
    assert.deepEqual([...last.bytes()], [0x80, 0x80]);
  });
});

describe('lines of a stream', () => {
  function linesOf(bytes: Buffer, cuts: readonly number[]): string[] {
    const seen: string[] = [];
    const read = readLines(10, (line) => seen.push(line));
    const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
    for (const [index, end] of at.slice(1).entries()) read(bytes.subarray(at[index], end));
    return seen;
  }

  test('are the same however the stream is cut', () => {
    const lines = fc.array(fc.string({ unit: 'grapheme' }).map((line) => line.replaceAll('\n', '')));
    fc.assert(
      fc.property(lines, fc.array(fc.nat(500)), (list, cuts) => {
        assert.deepEqual(linesOf(Buffer.from(list.map((line) => `${line}\n`).join('')), cuts), list);
      }),
    );
  });

  test('of more than 2000 characters are left out, their neighbours are not', () => {
    const text = ['a', 'é'.repeat(2_000), 'é'.repeat(2_001), 'x'.repeat(500_000), 'b'].join('\n');
    assert.deepEqual(linesOf(Buffer.from(`${text}\n`), [3, 9_000, 300_000]), ['a', 'é'.repeat(2_000), 'b']);
  });

  test('that never end are not delivered', () => {
    assert.deepEqual(linesOf(Buffer.from('a\nb'), []), ['a']);
  });
});

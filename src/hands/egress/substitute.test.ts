import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import type { Replacement } from './substitute.ts';
import { createReplacer, replaceAll } from './substitute.ts';

const replacement = (from: string, to: string): Replacement => ({
  from: Buffer.from(from),
  to: Buffer.from(to),
});
const replacements = [replacement('anthill_ph_1', 'one'), replacement('anthill_ph_22', 'twenty-two')];
const whole = 'anthill_ph_1 anthill_ph_22anthill_ph_1, anthill_ph_ anthill_ph_2 antanthill_ph_1';
const expected = 'one twenty-twoone, anthill_ph_ anthill_ph_2 antone';

const through = (chunks: readonly string[]) =>
  text(Readable.from(chunks.map((chunk) => Buffer.from(chunk))).pipe(createReplacer(replacements)));

describe('texts that become others', () => {
  test('at once', () => {
    assert.equal(replaceAll(Buffer.from(whole), replacements).toString(), expected);
    assert.equal(replaceAll(Buffer.from('nothing'), replacements).toString(), 'nothing');
  });

  test('in a stream, wherever it is cut', async () => {
    for (let one = 0; one <= whole.length; one++)
      assert.equal(await through([whole.slice(0, one), whole.slice(one)]), expected, `cut at ${one}`);
    assert.equal(await through([...whole]), expected);
    assert.equal(await through([]), '');
  });

  test('hold back nothing that cannot be the beginning of one', async () => {
    const replacer = createReplacer(replacements);
    const passed: string[] = [];
    replacer.on('data', (bytes) => passed.push(String(bytes)));
    replacer.write('data: event\n\n');
    replacer.write('data: anthill');
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(passed.join(''), 'data: event\n\ndata: ');
    replacer.end();
    assert.equal(
      await new Promise((resolve) => replacer.once('end', () => resolve(passed.join('')))),
      'data: event\n\ndata: anthill',
    );
  });
});

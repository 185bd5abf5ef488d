import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Frame } from './frames.ts';
import { encodeFrame, frameReader } from './frames.ts';

const frames = fc.array(
  fc.record(
    {
      type: fc.nat(255),
      id: fc.nat(2 ** 32 - 1),
      payload: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    },
    { noNullPrototype: true },
  ),
  { maxLength: 6 },
);

function encode(list: readonly Frame[]): Buffer {
  return Buffer.concat(list.map(({ type, id, payload }) => encodeFrame(type, id, payload)));
}

function readIn(pieces: readonly Buffer[]): Frame[] {
  const seen: Frame[] = [];
  const read = frameReader((frame) => seen.push({ ...frame, payload: Buffer.from(frame.payload) }));
  for (const piece of pieces) read(piece);
  return seen;
}

describe('supervisor frames', () => {
  test('are the same however the pipe cuts them', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.nat(300)), (list, cuts) => {
        const bytes = encode(list);
        const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
        const pieces = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
        assert.deepEqual(readIn(pieces), list);
      }),
    );
  });

  test('come byte by byte', () => {
    fc.assert(
      fc.property(frames, (list) => {
        const bytes = encode(list);
        assert.deepEqual(readIn(Array.from(bytes, (byte) => Buffer.from([byte]))), list);
      }),
    );
  });

  test('a frame that is not whole is not delivered', () => {
    const bytes = encodeFrame(5, 1, Buffer.from('whole'));
    for (let length = 0; length < bytes.length; length++)
      assert.deepEqual(readIn([bytes.subarray(0, length)]), []);
  });

  for (const rest of [0, 4, 2 ** 20 + 1, 2 ** 32 - 1]) {
    test(`a length of ${rest} is refused before anything is kept for it`, () => {
      const header = Buffer.alloc(9);
      header.writeUInt32LE(rest);
      assert.throws(() => readIn([header]), /supervisor frame of/);
    });
  }
});

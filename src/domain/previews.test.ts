import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { PreviewEvent } from '../protocol/events.ts';
import { addJoined, cutPreviews, previewsLength } from './previews.ts';

const start: PreviewEvent = { type: 'event_start', event: { type: 'agent.message', id: 'sevt_1' } };
const delta = (text: string, index = 0): PreviewEvent => ({
  type: 'event_delta',
  event_id: 'sevt_1',
  delta: { type: 'content_delta', index, content: { type: 'text', text } },
});

function joined(previews: readonly PreviewEvent[]): PreviewEvent[] {
  const all: PreviewEvent[] = [];
  for (const preview of previews) addJoined(all, preview);
  return all;
}

const unit = fc.constantFrom('grapheme', 'binary');
const texts = unit.chain((unit) => fc.string({ unit, minLength: 1, maxLength: 300 }));
const some = fc.array(
  fc.oneof(
    fc.constant(start),
    fc.tuple(texts, fc.nat(2)).map(([text, at]) => delta(text, at)),
  ),
);

describe('previews on their way', () => {
  test('are the same however they are joined and cut, and as long', () => {
    fc.assert(
      fc.property(some, fc.integer({ min: 50, max: 200 }), (previews, max) => {
        const pieces = [...cutPreviews(previews, max)];
        assert.deepEqual(joined(pieces.flat()), joined(previews));
        assert.equal(previewsLength(pieces.flat()), previewsLength(joined(previews)));
        assert.ok(pieces.every((piece) => piece.length > 0));
      }),
      { numRuns: 30 },
    );
  });

  test('are cut into pieces that fit a notification, whatever their characters', () => {
    fc.assert(
      fc.property(some, (previews) => {
        for (const piece of cutPreviews(previews, 1_000))
          assert.ok(Buffer.byteLength(JSON.stringify(piece)) < 6_500);
      }),
      { numRuns: 30 },
    );
    const worst = [
      start,
      ...Array.from({ length: 100 }, (_, at) => delta('\u0000', at)),
      delta('\u0000'.repeat(5_000)),
    ];
    for (const piece of cutPreviews(worst, 1_000))
      assert.ok(Buffer.byteLength(JSON.stringify(piece)) < 6_500, JSON.stringify(piece).slice(0, 200));
  });

  test('no character is cut in two', () => {
    const pieces = [...cutPreviews([delta('🐜'.repeat(60))], 51)].flat();
    assert.ok(pieces.length > 1);
    for (const preview of pieces)
      assert.ok(JSON.stringify(preview).isWellFormed() && !/\\ud/.test(JSON.stringify(preview)));
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createCatalog } from './default-catalog.ts';
import type { ModelUsage } from './model.ts';
import { centsOf, listCostMicroCents } from './prices.ts';

const catalog = createCatalog([{ id: 'qwen3-coder' }]);
const nothing: ModelUsage = {
  inputTokens: 0,
  outputTokens: 0,
  cacheReadInputTokens: 0,
  cacheCreation5mInputTokens: 0,
  cacheCreation1hInputTokens: 0,
  speed: null,
};
const cost = (id: string, usage: Partial<ModelUsage>) =>
  listCostMicroCents({ ...nothing, ...usage }, catalog.get(id));

/** A million tokens of one kind, in dollars; the figures of spec/limits.md, Price model. */
const million = 1_000_000;
const dollars = (amount: number) => Math.round(amount * 100 * 1_000_000);

describe('list cost', () => {
  type Prices = readonly [
    id: string,
    input: number,
    output: number,
    write5m: number,
    write1h: number,
    read: number,
  ];
  const prices: readonly Prices[] = [
    ['claude-fable-5-2', 8, 40, 10, 16, 0.2],
    ['claude-opus-5-5', 4, 20, 5, 8, 0.2],
    ['claude-sonnet-5-5', 2, 10, 2.5, 4, 0.1],
    ['claude-opus-5', 5, 25, 6.25, 10, 0.5],
    ['claude-sonnet-4-6', 3, 15, 3.75, 6, 0.3],
    ['claude-haiku-4-5', 1, 5, 1.25, 2, 0.1],
    ['scripted/demo', 0, 0, 0, 0, 0],
    ['scripted/anything', 0, 0, 0, 0, 0],
  ];
  for (const [id, input, output, write5m, write1h, read] of prices) {
    test(`of ${id} is $${input} for a million tokens in and $${output} out`, () => {
      assert.equal(cost(id, { inputTokens: million }), dollars(input));
      assert.equal(cost(id, { outputTokens: million }), dollars(output));
      assert.equal(cost(id, { cacheCreation5mInputTokens: million }), dollars(write5m));
      assert.equal(cost(id, { cacheCreation1hInputTokens: million }), dollars(write1h));
      assert.equal(cost(id, { cacheReadInputTokens: million }), dollars(read));
    });
  }

  const short = {
    inputTokens: 50_000,
    cacheReadInputTokens: 30_000,
    cacheCreation1hInputTokens: 20_000,
    outputTokens: 1_000,
  };
  test('of Haiku 5.5 is the lower price up to 100,000 tokens of prompt, the cache counted', () => {
    const expected = 50_000 * 10 + 30_000 * 1 + 20_000 * 20 + 1_000 * 50;
    assert.equal(cost('claude-haiku-5-5', short), expected);
  });

  test('of Haiku 5.5 counts half micro-cents and rounds their sum', () => {
    assert.equal(cost('claude-haiku-5-5', { cacheCreation5mInputTokens: 2_000 }), 25_000);
    assert.equal(cost('claude-haiku-5-5', { cacheCreation5mInputTokens: 1 }), 13);
  });

  test('of Haiku 5.5 is the higher price for the whole of a longer request', () => {
    const expected = 50_001 * 50 + 30_000 * 5 + 20_000 * 100 + 1_000 * 250;
    assert.equal(cost('claude-haiku-5-5', { ...short, inputTokens: 50_001 }), expected);
  });

  test('of inference pinned to the United States is a tenth higher, of fast mode six times', () => {
    const usage = { ...nothing, outputTokens: million };
    const opus = catalog.get('claude-opus-5-5');
    assert.equal(listCostMicroCents(usage, opus, 'us'), dollars(22));
    assert.equal(listCostMicroCents(usage, opus, 'global'), dollars(20));
    assert.equal(listCostMicroCents({ ...usage, speed: 'fast' }, opus), dollars(120));
  });

  test('of a model without a price is unknown', () => {
    assert.equal(cost('qwen3-coder', { inputTokens: 1 }), null);
    assert.equal(listCostMicroCents(nothing, null), null);
  });

  test('is a whole number of micro-cents, for any usage of any model', () => {
    const tokens = fc.nat(300_000);
    const usage = fc.record({
      inputTokens: tokens,
      outputTokens: tokens,
      cacheReadInputTokens: tokens,
      cacheCreation5mInputTokens: tokens,
      cacheCreation1hInputTokens: tokens,
    });
    const ids = catalog.list().flatMap(({ id, price }) => (price ? [id] : []));
    fc.assert(
      fc.property(fc.constantFrom(...ids), usage, (id, given) => {
        const micro = cost(id, given);
        assert.ok(micro !== null && Number.isSafeInteger(micro) && micro >= 0, `${id}: ${micro}`);
      }),
    );
  });

  test('is shown in whole cents, rounded to the nearest', () => {
    assert.deepEqual([0, 499_999, 500_000, 1_499_999, 1_500_000].map(centsOf), [0, 0, 1, 1, 2]);
  });
});

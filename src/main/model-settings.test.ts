import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseYaml } from '../base/yaml.ts';
import { createCatalog } from '../domain/default-catalog.ts';
import { modelSettingsOf } from './model-settings.ts';

class Mistake extends Error {}
const settings = (yaml: string) => modelSettingsOf(parseYaml(yaml), Mistake);

describe('models of anthill.yaml', () => {
  test('are new ones, with what is known of them', () => {
    const catalog = createCatalog(
      settings(
        '[qwen, {id: llama, display_name: Llama, context_tokens: 8192, output_tokens: 1024, system_messages: false, price: {input: 0.2, output: 0.6}}]',
      ),
    );
    assert.deepEqual([catalog.get('qwen')?.price, catalog.get('qwen')?.displayName], [null, 'qwen']);
    const llama = catalog.get('llama');
    assert.deepEqual(
      [llama?.displayName, llama?.contextTokensMax, llama?.outputTokensMax, llama?.midConversationSystem],
      ['Llama', 8192, 1024, false],
    );
    // Micro-cents per token: a dollar per million tokens is a hundred.
    assert.deepEqual(llama?.price, {
      input: 20,
      output: 60,
      cacheRead: 2,
      cacheWrite5m: 25,
      cacheWrite1h: 40,
    });
  });

  test('change the price of one that is known, and nothing else of it', () => {
    const before = createCatalog([]).get('claude-opus-5-5');
    const changed = createCatalog(
      settings(
        '[{id: claude-opus-5-5, price: {input: 1, output: 2, cache_read: 0, cache_write_5m: 3, cache_write_1h: 4}}]',
      ),
    ).get('claude-opus-5-5');
    const price = { input: 100, output: 200, cacheRead: 0, cacheWrite5m: 300, cacheWrite1h: 400 };
    assert.deepEqual(changed, { ...before, price });
  });

  test('can lose their price', () => {
    assert.equal(
      createCatalog(settings('[{id: claude-opus-5-5, price: null}]')).get('claude-opus-5-5')?.price,
      null,
    );
  });

  for (const [yaml, message] of [
    ['qwen', /^models: must be a list/],
    ['[7]', /^models\[0\]: must be a mapping/],
    ['[{name: x}]', /^models\[0\]: unknown setting "name"; known are id, /],
    ['[{display_name: x}]', /^models\[0\]\.id: must be a text/],
    ['[a, {id: b, context_tokens: 0}]', /^models\[1\]\.context_tokens: must be a whole number/],
    ['[{id: b, output_tokens: many}]', /^models\[0\]\.output_tokens/],
    ['[{id: b, system_messages: 1}]', /^models\[0\]\.system_messages: must be true or false/],
    ['[{id: b, price: 3}]', /^models\[0\]\.price: must be a mapping/],
    ['[{id: b, price: {input: 3}}]', /^models\[0\]\.price\.output: must be dollars/],
    ['[{id: b, price: {input: -1, output: 1}}]', /^models\[0\]\.price\.input/],
    ['[{id: b, price: {input: 1, output: 1, fee: 1}}]', /unknown setting "fee"/],
  ] as const)
    test(`${yaml} is a mistake`, () => {
      assert.throws(
        () => settings(yaml),
        (cause) => cause instanceof Mistake && message.test(cause.message),
      );
    });
});

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type Anthropic from '@anthropic-ai/sdk';
import { scriptedPlace, scriptedRequest } from '../../../../test/support/scripted.ts';

const { client, remove } = scriptedPlace({ plain: 'rules: [{ reply: [{ text: Fine. }] }]' });
after(remove);

describe('scripted usage', () => {
  const ephemeral = { type: 'ephemeral' as const };
  const long = { type: 'text' as const, text: 'word '.repeat(400), cache_control: ephemeral };
  const system = [{ type: 'text' as const, text: 'Be kind. '.repeat(100), cache_control: ephemeral }];
  const usageOf = async (request: Anthropic.MessageCreateParamsNonStreaming) =>
    (await client.messages.create(request)).usage;

  test('is the same for the same request', async () => {
    const request = scriptedRequest('plain', 'hello');
    assert.deepEqual(await usageOf(request), await usageOf(request));
  });

  test('is about a token for four characters', async () => {
    const { input_tokens, output_tokens } = await usageOf(scriptedRequest('plain', 'x'.repeat(4_000)));
    assert.ok(input_tokens > 1_000 && input_tokens < 1_050, String(input_tokens));
    assert.ok(output_tokens > 0 && output_tokens < 50, String(output_tokens));
  });

  test('without breakpoints nothing is cached', async () => {
    const usage = await usageOf(scriptedRequest('plain', 'a', 'b', 'c'));
    assert.deepEqual([usage.cache_read_input_tokens, usage.cache_creation_input_tokens], [0, 0]);
  });

  test('a request reads what the one before it wrote', async () => {
    const first = await usageOf({ ...scriptedRequest('plain', [long]), system });
    assert.equal(first.cache_read_input_tokens, 0);
    const second = await usageOf({ ...scriptedRequest('plain', [long], 'Fine.', [long]), system });
    assert.equal(second.cache_read_input_tokens, first.cache_creation_input_tokens);
    assert.ok((second.cache_creation_input_tokens ?? 0) > 400);
    assert.ok(second.input_tokens >= 1);
  });
});

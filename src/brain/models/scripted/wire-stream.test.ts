import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { fakeClock } from '../../../../test/support/clock.ts';
import { scriptedPlace, scriptedRequest } from '../../../../test/support/scripted.ts';

const scenarios = {
  rich: `
rules:
  - reply:
      - thinking: Let me think about this for a while.
      - text: "Grüße, 世界 🐜 — you said {{user_text}}.  Twice  spaced\\n\\nlines. "
      - { tool: bash, input: { command: 'ls "a b"', deep: [1, { é: null }] } }
      - { tool: list }
`,
  plain: `
rules:
  - reply: [{ text: Fine. }]
`,
  malformed: `
rules:
  - reply: [{ tool: bash, malformed_input: '{"command": "l' }]
`,
  told: `
rules:
  - reply: [{ text: No. }]
    stop_reason: refusal
    stop_details: { type: refusal, category: cyber, explanation: Because. }
    usage: { input_tokens: 7, output_tokens: 3 }
`,
  cut: `
rules:
  - cut_after_events: 4
    reply: [{ text: 'one two three four five six seven eight nine' }]
`,
  slow: `
rules:
  - delay_ms: 1000
    chunk_delay_ms: 100
    reply: [{ text: 'one two three' }]
`,
  echo: `
rules:
  - when: { step: 0 }
    reply: [{ text: 'You: {{user_text}} {{unknown}}' }, { tool: bash, input: { command: '{{user_text}}' } }]
  - reply: [{ text: 'It: {{last_tool_result}}' }]
`,
  empty: 'rules:\n  - reply: []\n',
};

const place = scriptedPlace(scenarios);
const { client } = place;
after(() => place.remove());

/** What two answers have in common: ids are new every time, and the SDK's stream adds a field of its own. */
const comparable = (message: Anthropic.Message) => {
  const content = message.content.map((block) =>
    block.type === 'tool_use' ? { ...block, id: 'id' } : block,
  );
  return JSON.parse(JSON.stringify({ ...message, id: 'id', parsed_output: undefined, content }));
};

describe('a scripted answer', () => {
  for (const name of ['rich', 'told', 'plain', 'empty', 'demo']) {
    test(`of scripted/${name} is the same streamed and at once`, async () => {
      const request = scriptedRequest(name, 'hello');
      const whole = await client.messages.create(request);
      assert.deepEqual(comparable(await client.messages.stream(request).finalMessage()), comparable(whole));
    });
  }

  test('has the content of its rule, signed, with an id for every tool use', async () => {
    const { content, stop_reason } = await client.messages.create(scriptedRequest('rich', 'ünd'));
    const [thinking, text, first, second] = content;
    assert.ok(thinking?.type === 'thinking' && thinking.signature !== '');
    assert.equal(
      text?.type === 'text' && text.text,
      'Grüße, 世界 🐜 — you said ünd.  Twice  spaced\n\nlines. ',
    );
    assert.ok(first?.type === 'tool_use' && second?.type === 'tool_use' && first.id !== second.id);
    assert.deepEqual(first.input, { command: 'ls "a b"', deep: [1, { é: null }] });
    assert.equal(stop_reason, 'tool_use');
  });

  test('ends as its rule says', async () => {
    const message = await client.messages.create(scriptedRequest('told', 'hi'));
    const { stop_reason, stop_details, usage } = message;
    assert.equal(stop_reason, 'refusal');
    assert.deepEqual(stop_details, { type: 'refusal', category: 'cyber', explanation: 'Because.' });
    assert.deepEqual([usage.input_tokens, usage.output_tokens], [7, 3]);
  });

  test('fills in what was said and what the last tool answered, in texts only', async () => {
    const first = await client.messages.create(scriptedRequest('echo', 'hi {{user_text}} $&'));
    assert.deepEqual(
      first.content.map((block) =>
        block.type === 'text' ? block.text : block.type === 'tool_use' && block.input,
      ),
      ['You: hi {{user_text}} $& {{unknown}}', { command: '{{user_text}}' }],
    );
    const use = { type: 'tool_use' as const, id: 'toolu_1', name: 'bash', input: {} };
    const result = {
      type: 'tool_result' as const,
      tool_use_id: 'toolu_1',
      content: [{ type: 'text' as const, text: 'done' }],
    };
    const second = await client.messages.create(scriptedRequest('echo', 'hi', [use], [result]));
    assert.deepEqual(second.content[0]?.type === 'text' && second.content[0].text, 'It: done');
  });
});

describe('a scripted stream', () => {
  test('is cut after the events its rule allows', async () => {
    const seen: string[] = [];
    const streaming = client.messages.create({ ...scriptedRequest('cut', 'hi'), stream: true });
    await assert.rejects(async () => {
      for await (const event of await streaming) seen.push(event.type);
    }, /cut/);
    // The ping is an event too, which the SDK keeps to itself.
    assert.deepEqual(seen, ['message_start', 'content_block_start', 'content_block_delta']);
  });

  test('waits before it begins, and before every event', async () => {
    const slept: number[] = [];
    const hasty = { nowUs: () => 0, sleep: async (ms: number) => void slept.push(ms) };
    const slow = scriptedPlace(scenarios, hasty);
    const { content } = await slow.client.messages.stream(scriptedRequest('slow', 'hi')).finalMessage();
    slow.remove();
    assert.deepEqual(content, [{ type: 'text', text: 'one two three' }]);
    const [first, ...others] = slept;
    assert.equal(first, 1_000);
    assert.ok(others.length >= 7 && others.every((ms) => ms === 100), others.join());
  });

  test('that waits ends when its request is aborted', async () => {
    const { sleep, nowUs } = fakeClock();
    const abort = new AbortController();
    const slow = scriptedPlace(scenarios, {
      nowUs,
      sleep(ms, signal) {
        const waiting = sleep(ms, signal);
        abort.abort();
        return waiting;
      },
    });
    const asked = slow.client.messages.create(scriptedRequest('slow', 'hi'), { signal: abort.signal });
    await assert.rejects(asked, Anthropic.APIUserAbortError);
    slow.remove();
  });

  test('of malformed input carries the text as it is', async () => {
    let json = '';
    for await (const event of await client.messages.create({
      ...scriptedRequest('malformed', 'hi'),
      stream: true,
    })) {
      if (event.type === 'content_block_delta' && event.delta.type === 'input_json_delta')
        json += event.delta.partial_json;
    }
    assert.equal(json, '{"command": "l');
  });
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type Anthropic from '@anthropic-ai/sdk';
import { scriptedPlace, scriptedRequest } from '../../../../test/support/scripted.ts';
import { parseScenario } from './scenario.ts';

const document = readFileSync(join(import.meta.dirname, '../../../../docs/scripted-models.md'), 'utf8');

/** The YAML blocks of the document, by the name in their first line. */
const documented = Object.fromEntries(
  [...document.matchAll(/^```yaml\n(# ([\w-]+)\.yaml[\s\S]*?)^```$/gm)].map(([, text = '', name = '']) => [
    name,
    text,
  ]),
);

type Said = Parameters<typeof scriptedRequest>[1];
const use = (id: string) => [{ type: 'tool_use' as const, id, name: 'bash', input: {} }];
const result = (id: string, content: string, more: object = {}) => [
  { type: 'tool_result' as const, tool_use_id: id, content, ...more },
];

/** What an answer says, in one line. */
function told({ content }: Anthropic.Message): string {
  const parts = content.map((block) => {
    if (block.type === 'text') return block.text;
    if (block.type === 'tool_use') return `${block.name} ${JSON.stringify(block.input)}`;
    return `(${block.type})`;
  });
  return parts.join(' | ');
}

/** The fields that the refusal of an unknown one names. */
function knownFields(text: string): readonly string[] {
  try {
    parseScenario(text);
    return [];
  } catch (cause) {
    return /known are (.*)$/.exec(String(cause))?.[1]?.split(', ') ?? [];
  }
}

describe('docs/scripted-models.md', () => {
  const hasty = { nowUs: () => 0, sleep: async () => {} };
  const { client, remove } = scriptedPlace(documented, hasty);
  after(remove);
  const ask = (name: string, ...said: Said[]) =>
    client.messages.create(scriptedRequest(name, ...said)).then(told);
  const status = (name: string, said: string) =>
    ask(name, said).catch((cause: { status?: number }) => cause.status ?? String(cause));

  test('has these examples, and every one can be read', () => {
    assert.deepEqual(Object.keys(documented), ['reference', 'word-count', 'busy', 'tired']);
    assert.equal(Object.keys(documented).length, document.match(/^```yaml$/gm)?.length);
    for (const text of Object.values(documented)) assert.ok(parseScenario(text).length > 0);
  });

  test('names every field there is', () => {
    const levels = ['x: 1', 'when: { x: 1 }', 'reply: [{ x: 1 }]', 'fail: { x: 1 }'];
    const fields = levels.flatMap((level) => knownFields(`rules: [{ ${level} }]`));
    const reference = documented['reference'] ?? '';
    assert.ok(fields.length > levels.length);
    assert.deepEqual(
      fields.filter((name) => !new RegExp(`\\b${name}:`).test(reference)),
      [],
    );
  });

  test('the tool round', async () => {
    const asks =
      '(thinking) | I will count the words. | bash {"command":"echo one two three > a.txt && wc -w < a.txt"}';
    assert.equal(await ask('word-count', 'Count the words.'), asks);
    const talk = ['Count the words.', use('toolu_1')];
    assert.equal(await ask('word-count', ...talk, result('toolu_1', '3')), 'The file has this many words: 3');
    const failed = result('toolu_1', 'no space left', { is_error: true });
    assert.equal(await ask('word-count', ...talk, failed), 'That did not work: no space left');
    assert.equal(await ask('word-count', 'hello'), 'Ask me to count something. You said: hello');
  });

  test('the failures that heal', async () => {
    const answers = [];
    for (const said of ['busy?', 'busy?', 'busy?', 'limit?', 'limit?', 'broke?', 'broke?', 'else?'])
      answers.push(await status('busy', said));
    const healed = 'The third attempt gets through.';
    assert.deepEqual(answers, [529, 529, healed, 429, 'Thank you for waiting.', 402, 402, 400]);
  });

  test('the slow stream that is cut', async () => {
    assert.equal(await ask('tired', 'hurry'), 'All of it at once, and to the end.');
    let words = '';
    await assert.rejects(async () => {
      for await (const event of await client.messages.create({
        ...scriptedRequest('tired', 'hi'),
        stream: true,
      })) {
        if (event.type === 'content_block_delta' && event.delta.type === 'text_delta')
          words += event.delta.text;
      }
    }, /the connection was cut/);
    assert.match(words, /^This stream begins well/);
    assert.ok(!words.includes('everything'));
  });
});

describe('a rule applies', () => {
  const { client, put, remove } = scriptedPlace();
  after(remove);
  const first = ['hello', use('a'), result('a', 'All GOOD')] as const;
  const failed = ['hello', use('a'), result('a', 'bad', { is_error: true })] as const;
  const cases: readonly (readonly [when: string, said: readonly Said[], applies: boolean])[] = [
    ['{}', ['hello'], true],
    ['{ user: HELLO }', ['oh, hello'], true],
    ['{ user: "^hello" }', ['oh, hello'], false],
    ['{ user: hello }', ['hello', 'Hi.', 'bye'], false],
    ['{ user: hello }', first, true],
    ['{ step: 0 }', ['hello'], true],
    ['{ step: 1 }', ['hello'], false],
    ['{ step: 1 }', first, true],
    ['{ step: 0 }', [...first, 'Done.', 'again'], true],
    ['{ result: good }', first, true],
    ['{ result: good }', failed, false],
    ['{ result: good }', ['good'], false],
    ['{ result: good }', [...first, 'Done.', 'again'], false],
    ['{ result_is_error: true }', failed, true],
    ['{ result_is_error: true }', first, false],
    ['{ result_is_error: false }', first, true],
    ['{ result_is_error: false }', ['hello'], true],
    ['{ user: hello, step: 1, result: good, result_is_error: false }', first, true],
    ['{ user: hello, step: 2, result: good, result_is_error: false }', first, false],
  ];
  cases.forEach(([when, said, applies], at) => {
    test(`${applies ? '' : 'not '}when ${when} meets ${JSON.stringify(said.at(-1))} (${at})`, async () => {
      put(`when${at}`, `rules: [{ when: ${when}, reply: [{ text: yes. }] }, { reply: [{ text: no. }] }]`);
      const message = await client.messages.create(scriptedRequest(`when${at}`, ...said));
      assert.equal(told(message), applies ? 'yes.' : 'no.');
    });
  });
});

describe('a scenario with a mistake is refused with its place:', () => {
  const cases: readonly (readonly [rule: string, message: RegExp])[] = [
    ['{ whn: {} }', /^rules\[0\]\.whn: unknown field; known are when, reply/],
    ['[]', /^rules\[0\]: must be a mapping/],
    ['{ when: hello }', /^rules\[0\]\.when: must be a mapping/],
    ['{ when: { users: x } }', /^rules\[0\]\.when\.users: unknown field/],
    ['{ when: { user: "(" } }', /^rules\[0\]\.when\.user: Invalid regular expression/],
    ['{ when: { result: 7 } }', /^rules\[0\]\.when\.result: must be text/],
    ['{ when: { step: first } }', /^rules\[0\]\.when\.step: must be a whole number/],
    ['{ when: { step: -1 } }', /^rules\[0\]\.when\.step: must be a whole number/],
    ['{ when: { result_is_error: 1 } }', /^rules\[0\]\.when\.result_is_error: must be true or false/],
    ['{ reply: hello }', /^rules\[0\]\.reply: must be a list/],
    ['{ reply: [hello] }', /^rules\[0\]\.reply\[0\]: must be a mapping/],
    ['{ reply: [{ text: a }, { say: b }] }', /^rules\[0\]\.reply\[1\]\.say: unknown field/],
    ['{ reply: [{}] }', /^rules\[0\]\.reply\[0\]: needs exactly one of text, thinking and tool/],
    ['{ reply: [{ text: a, tool: b }] }', /needs exactly one of/],
    ['{ reply: [{ text: 7 }] }', /^rules\[0\]\.reply\[0\]\.text: must be text/],
    ['{ reply: [{ text: a, input: {} }] }', /^rules\[0\]\.reply\[0\]: only a tool has an input/],
    ['{ reply: [{ tool: a, input: [] }] }', /^rules\[0\]\.reply\[0\]\.input: must be a mapping/],
    ['{ reply: [{ tool: a, malformed_input: {} }] }', /malformed_input: must be text/],
    ['{ reply: [{ tool: a, input: {}, malformed_input: "{" }] }', /has input or malformed_input, not both/],
    ['{ stop_reason: 1 }', /^rules\[0\]\.stop_reason: must be text/],
    ['{ stop_details: no }', /^rules\[0\]\.stop_details: must be a mapping/],
    ['{ usage: { input_tokens: many } }', /^rules\[0\]\.usage\.input_tokens: must be a whole number/],
    ['{ delay_ms: soon }', /^rules\[0\]\.delay_ms: must be/],
    ['{ chunk_delay_ms: 0.5 }', /^rules\[0\]\.chunk_delay_ms: must be/],
    ['{ cut_after_events: -1 }', /^rules\[0\]\.cut_after_events: must be/],
    ['{ fail: 529 }', /^rules\[0\]\.fail: must be a mapping/],
    ['{ fail: { code: 529 } }', /^rules\[0\]\.fail\.code: unknown field/],
    ['{ fail: { status: 200 } }', /^rules\[0\]\.fail\.status: must be between 400 and 599/],
    ['{ fail: { times: twice } }', /^rules\[0\]\.fail\.times: must be/],
    ['{ fail: { retry_after: later } }', /^rules\[0\]\.fail\.retry_after: must be/],
    ['{ fail: { message: 7 } }', /^rules\[0\]\.fail\.message: must be text/],
  ];
  for (const [rule, message] of cases) {
    test(rule, () => assert.throws(() => parseScenario(`rules: [${rule}]`), { message }));
  }

  for (const text of ['', '[]', 'rules: []', 'rules: {}', 'rules: [{}]\nmore: 1', 'a: b: c']) {
    test(JSON.stringify(text), () => assert.throws(() => parseScenario(text)));
  }
});

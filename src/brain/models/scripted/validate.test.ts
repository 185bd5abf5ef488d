import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { InvalidRequest, signatureOf, validate } from './validate.ts';

const text = { type: 'text', text: 'hi' };
const use = (id: string) => ({ type: 'tool_use', id, name: 'bash', input: {} });
const result = (id: string, more: object = {}) => ({
  type: 'tool_result',
  tool_use_id: id,
  content: 'ok',
  ...more,
});
const user = (...content: object[]) => ({ role: 'user', content });
const assistant = (...content: object[]) => ({ role: 'assistant', content });
const tool = { name: 'bash', input_schema: { type: 'object' } };
const marked = { ...text, cache_control: { type: 'ephemeral' } };
const thinking = { type: 'thinking', thinking: 'Hm.', signature: signatureOf('Hm.') };

const valid = { model: 'scripted/x', max_tokens: 1, messages: [user(text)] };
const withMessages = (...messages: object[]) => ({ ...valid, messages });
const asked = (...content: object[]) =>
  withMessages(user(text), assistant(text, use('a'), use('b')), user(...content));

describe('the scripted endpoint accepts', () => {
  const cases: readonly (readonly [name: string, body: object])[] = [
    ['a text', valid],
    ['a string for content', withMessages({ role: 'user', content: 'hi' })],
    ['two messages of one side', withMessages(user(text), user(text))],
    ['answered tool uses, then words', asked(result('a'), result('b'), text)],
    ['results in any order', asked(result('b'), result('a', { is_error: true }))],
    ['a result without content', asked(result('a', { content: undefined }), result('b', { content: [] }))],
    ['its own thinking', withMessages(user(text), assistant(thinking, text), user(text))],
    ['tools and a system prompt', { ...valid, tools: [tool], system: 'Be kind.' }],
    ['a system prompt in blocks', { ...valid, system: [marked] }],
    ['four breakpoints', { ...withMessages(user(marked, marked, marked)), system: [marked] }],
    [
      'the word cache_control in a text',
      withMessages(user({ ...marked, text: '"cache_control": {}'.repeat(9) })),
    ],
    [
      'everything the API knows',
      { ...valid, stream: true, metadata: {}, tool_choice: { type: 'auto' }, stop_sequences: [] },
    ],
  ];
  for (const [name, body] of cases) test(name, () => assert.ok(validate(body)));
});

describe('the scripted endpoint refuses, as the API does,', () => {
  const cases: readonly (readonly [name: string, body: unknown, message: RegExp])[] = [
    ['a body that is no object', [], /^body: Input should be a valid dictionary/],
    ['an unknown field', { ...valid, sparkle: 1 }, /^sparkle: Extra inputs are not permitted/],
    ['sampling parameters', { ...valid, temperature: 1 }, /^temperature: Extra inputs/],
    ['no model', { ...valid, model: undefined }, /^model: Field required/],
    ['no limit', { ...valid, max_tokens: undefined }, /^max_tokens: Field required/],
    ['a limit of zero', { ...valid, max_tokens: 0 }, /^max_tokens/],
    ['half a token', { ...valid, max_tokens: 1.5 }, /^max_tokens/],
    ['no messages', { ...valid, messages: undefined }, /^messages: Field required/],
    ['an empty conversation', withMessages(), /^messages: at least one message is required/],
    ['a message that is no object', { ...valid, messages: ['hi'] }, /^messages\.0: Input should be/],
    [
      'another role',
      withMessages({ role: 'tool', content: 'x' }),
      /^messages\.0\.role: Input should be 'user', 'assistant' or 'system'/,
    ],
    [
      'a system message in the place of a user',
      withMessages({ role: 'system', content: 'x' }),
      /^messages: first message must use the "user" role/,
    ],
    [
      'a system message behind an assistant',
      withMessages(user(text), { role: 'assistant', content: 'x' }, { role: 'system', content: 'x' }),
      /^messages\.2: `system` messages must follow a user message/,
    ],
    [
      'a picture from the system',
      withMessages(user(text), { role: 'system', content: [{ type: 'image', source: {} }] }),
      /^messages\.1: `system` messages can only contain text/,
    ],
    [
      'a message without content',
      withMessages(user()),
      /^messages\.0: all messages must have non-empty content/,
    ],
    [
      'a conversation that the assistant begins',
      withMessages(assistant(text)),
      /first message must use the "user" role/,
    ],
    [
      'a block that is no object',
      withMessages({ role: 'user', content: [1] }),
      /^messages\.0\.content\.0: Input should be/,
    ],
    [
      'empty text',
      withMessages(user({ ...text, text: '' })),
      /^messages\.0\.content\.0: text content blocks must be non-empty/,
    ],
    ['text that is none', withMessages(user({ type: 'text' })), /must be non-empty/],
    ['an empty string for content', withMessages({ role: 'user', content: '' }), /must be non-empty/],
    ['text without a word', withMessages(user({ ...text, text: ' \n' })), /must contain non-whitespace text/],
    [
      'citations in a user message',
      withMessages(user({ ...text, citations: [{}] })),
      /^messages\.0\.content\.0\.citations/,
    ],
    [
      'a document in an assistant message',
      withMessages(user(text), assistant({ type: 'document' })),
      /`document` blocks can only be in `user` messages/,
    ],
    [
      'a tool use in a user message',
      withMessages(user(use('a'))),
      /`tool_use` blocks can only be in `assistant` messages/,
    ],
    [
      'a result in an assistant message',
      withMessages(user(text), assistant(result('a'))),
      /`tool_result` blocks can only be in `user` messages/,
    ],
    [
      'changed thinking',
      withMessages(user(text), assistant({ ...thinking, thinking: 'Hm' })),
      /Invalid `signature` in `thinking` block/,
    ],
    [
      'unsigned thinking',
      withMessages(user(text), assistant({ type: 'thinking', thinking: '' })),
      /Invalid `signature`/,
    ],
    [
      'tool input that is no object',
      withMessages(user(text), assistant({ ...use('a'), input: [] }), user(result('a'))),
      /^messages\.1\.content\.0\.input: Input should be/,
    ],
    [
      'a tool use without an id',
      withMessages(user(text), assistant({ ...use('a'), id: '' })),
      /^messages\.1\.content\.0\.id: String should match/,
    ],
    [
      'a tool use that ends the conversation',
      withMessages(user(text), assistant(use('a'))),
      /must be followed by a user message with `tool_result`/,
    ],
    [
      'a tool use before more of the assistant',
      withMessages(user(text), assistant(use('a')), assistant(text), user(text)),
      /must be followed by a user message/,
    ],
    [
      'a tool use without a result',
      asked(result('a')),
      /^messages\.2: `tool_use` ids were found without `tool_result` blocks immediately after: b\./,
    ],
    ['no result at all', asked(text), /immediately after: a, b\./],
    [
      'a result for nothing',
      withMessages(user(result('z'))),
      /^messages\.0\.content: unexpected `tool_use_id`.*: z\./,
    ],
    [
      'a result given later',
      withMessages(user(text), assistant(use('a')), user(result('a')), assistant(text), user(result('a'))),
      /^messages\.4\.content: unexpected/,
    ],
    [
      'two results for one use',
      asked(result('a'), result('b'), result('a')),
      /each `tool_use` must have a single result/,
    ],
    ['results behind words', asked(result('a'), text, result('b')), /`tool_result` blocks must come first/],
    [
      'empty text in a result',
      asked(result('a', { content: [{ type: 'text', text: '' }] }), result('b')),
      /^messages\.2\.content\.0\.content\.0: text/,
    ],
    [
      'an error that says nothing',
      asked(result('a', { is_error: true, content: [] }), result('b')),
      /content cannot be empty if `is_error` is true/,
    ],
    ['tools that are no list', { ...valid, tools: {} }, /^tools: Input should be a valid array/],
    ['a tool that is no object', { ...valid, tools: [1] }, /^tools\.0: Input should be/],
    ['a tool without a name', { ...valid, tools: [{ ...tool, name: undefined }] }, /^tools\.0\.name/],
    [
      'a tool with a space in its name',
      { ...valid, tools: [{ ...tool, name: 'my tool' }] },
      /^tools\.0\.name: String should match/,
    ],
    ['two tools of one name', { ...valid, tools: [tool, tool] }, /^tools: Tool names must be unique/],
    [
      'a tool without a schema',
      { ...valid, tools: [{ name: 'bash' }] },
      /^tools\.0\.input_schema: Input should be/,
    ],
    [
      'a tool whose input is no object',
      { ...valid, tools: [{ ...tool, input_schema: { type: 'string' } }] },
      /^tools\.0\.input_schema\.type/,
    ],
    ['a system prompt that is none', { ...valid, system: 1 }, /^system: Input should be/],
    [
      'an empty block in the system prompt',
      { ...valid, system: [{ type: 'text', text: '' }] },
      /^system\.0: text content/,
    ],
    ['an image in the system prompt', { ...valid, system: [{ type: 'image' }] }, /^system\.0\.type/],
    [
      'five breakpoints',
      { ...withMessages(user(marked, marked, marked, marked)), system: [marked] },
      /A maximum of 4 blocks with cache_control may be provided\. Found 5\./,
    ],
  ];
  for (const [name, body, message] of cases) {
    test(name, () => {
      assert.throws(
        () => validate(JSON.parse(JSON.stringify(body))),
        (error) => error instanceof InvalidRequest && message.test(error.message),
      );
    });
  }
});

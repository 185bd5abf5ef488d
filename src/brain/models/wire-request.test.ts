import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { modelRequest } from '../../../test/support/model-stream.ts';
import type { ModelRequest, WireBlock, WireMessage } from '../../domain/model.ts';
import type { Profile } from './profile.ts';
import { profileNames, profileOf } from './profile.ts';
import { wireRequest } from './wire-request.ts';

const full = profileOf('anthropic');
const text = (words: string): WireBlock => ({ type: 'text', text: words });
const user = (...content: WireBlock[]): WireMessage => ({ role: 'user', content });
const assistant = (...content: WireBlock[]): WireMessage => ({ role: 'assistant', content });
const use: WireBlock = { type: 'tool_use', id: 'toolu_1', name: 'bash', input: {} };
const result = (content: unknown, more: object = {}): WireBlock => ({
  type: 'tool_result',
  tool_use_id: 'toolu_1',
  content,
  ...more,
});
const thinking: WireBlock = { type: 'thinking', thinking: 'Hm.', signature: 's' };
const tool = { name: 'bash', description: 'Runs', input_schema: { type: 'object' } };

const sent = (change: Partial<ModelRequest> = {}, profile: Profile = full) =>
  wireRequest(modelRequest(change), { profile, outputTokensMax: 64_000, contextTokensMax: 200_000 });
const plain = (messages: readonly WireMessage[]) =>
  sent({ messages }, { ...full, promptCaching: false })['messages'];

/** Where breakpoints stand: `system`, `tools.0`, `messages.2.content.1`, … */
function breakpoints(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) =>
    key === 'cache_control' ? [path.slice(1)] : breakpoints(part, `${path}.${key}`),
  );
}

describe('cache breakpoints', () => {
  const talk = [
    user(text('a'), text('b')),
    assistant(text('c')),
    user(text('d')),
    assistant(use),
    user(result([])),
  ];
  const cases: readonly (readonly [
    name: string,
    request: Partial<ModelRequest>,
    marks: readonly string[],
  ])[] = [
    ['the only message', {}, ['messages.0.content.0']],
    [
      'the last block of the last two user messages',
      { messages: talk },
      ['messages.2.content.0', 'messages.4.content.0'],
    ],
    [
      'the system prompt, which covers the tools before it',
      { system: 'Be kind.', tools: [tool, tool] },
      ['messages.0.content.0', 'system.0'],
    ],
    ['the last tool without a system prompt', { tools: [tool, tool] }, ['messages.0.content.0', 'tools.1']],
    [
      'never more than three',
      { system: 'Be kind.', tools: [tool], messages: [...talk, ...talk, ...talk] },
      ['messages.12.content.0', 'messages.14.content.0', 'system.0'],
    ],
  ];
  for (const [name, request, marks] of cases) {
    test(`stand on ${name}`, () => {
      const body = sent(request);
      assert.deepEqual(breakpoints(body).sort(), marks);
    });
  }

  test('are left out for endpoints without a cache', () => {
    const body = sent({ system: 'Be kind.', tools: [tool], messages: talk }, profileOf('generic'));
    assert.deepEqual(breakpoints(body), []);
  });

  test('what was cached by one request is a prefix of the next', () => {
    const unmarked = (messages: readonly WireMessage[]) =>
      JSON.parse(
        JSON.stringify(sent({ messages })['messages']).replaceAll(
          ',"cache_control":{"type":"ephemeral"}',
          '',
        ),
      );
    assert.deepEqual(unmarked(talk.slice(0, 3)), unmarked(talk).slice(0, 3));
    assert.deepEqual(breakpoints(sent({ messages: talk.slice(0, 3) })['messages']).at(-1), '2.content.0');
    assert.deepEqual(breakpoints(sent({ messages: talk })['messages'])[0], '2.content.0');
  });
});

describe('what an endpoint cannot take is left out', () => {
  const model = {
    id: 'claude-opus-5-5',
    effort: { type: 'max' },
    speed: 'fast',
    inference_geo: 'eu',
  } as const;
  const parameters = ['output_config', 'thinking', 'speed', 'inference_geo'];
  const given = (change: Partial<ModelRequest>, profile: Profile) => {
    const body = sent(change, profile);
    return Object.fromEntries(parameters.filter((name) => name in body).map((name) => [name, body[name]]));
  };

  test('an endpoint that can do everything gets what the agent asks for', () => {
    assert.deepEqual(given({ model }, full), {
      output_config: { effort: 'max' },
      thinking: { type: 'adaptive' },
      speed: 'fast',
      inference_geo: 'eu',
    });
  });

  test('what the agent does not ask for is not sent', () => {
    assert.deepEqual(given({}, full), { thinking: { type: 'adaptive' } });
    assert.deepEqual(given({ model: { ...model, speed: 'standard' } }, { ...full, thinking: false }), {
      output_config: { effort: 'max' },
      inference_geo: 'eu',
    });
  });

  for (const name of ['generic', 'ollama', 'vllm', 'llama.cpp', 'openrouter', 'deepseek', 'unheard-of']) {
    test(`a ${name} endpoint gets none of it`, () => {
      assert.deepEqual(given({ model }, profileOf(name)), {});
    });
  }

  const generations: readonly (readonly [id: string, parameters: readonly string[]])[] = [
    ['claude-opus-4-5', ['output_config']],
    ['claude-opus-4-5-20251101', ['output_config']],
    ['claude-sonnet-4-5', []],
    ['claude-sonnet-4-5-20250929', []],
    ['claude-haiku-4-5', []],
    ['claude-haiku-4-5-20251001', []],
    ['claude-sonnet-4-6', ['output_config', 'thinking']],
    ['claude-haiku-5-5', ['output_config', 'thinking']],
    ['claude-fable-5-2', ['output_config', 'thinking']],
  ];
  for (const [id, expected] of generations) {
    test(`${id} is asked with ${expected.join(' and ') || 'neither effort nor thinking'}`, () => {
      assert.deepEqual(Object.keys(given({ model: { id, effort: { type: 'low' } } }, full)), expected);
    });
  }

  for (const name of ['bedrock', 'vertex', 'foundry'])
    test(`a ${name} endpoint gets what its Claude models know, but nothing of their maker's own`, () => {
      assert.deepEqual(Object.keys(given({ model }, profileOf(name))), ['output_config', 'thinking']);
    });

  test('every profile that configuration can name is one', () => {
    for (const name of profileNames)
      assert.equal(Object.keys(profileOf(name)).length, Object.keys(full).length);
  });
});

describe('blocks', () => {
  test('thinking goes back to an endpoint that signed it, byte by byte', () => {
    const redacted = { type: 'redacted_thinking', data: 'x' };
    const messages = [user(text('a')), assistant(thinking, redacted, text('b')), user(text('c'))];
    assert.deepEqual(plain(messages), messages);
    assert.deepEqual(sent({ messages }, profileOf('generic'))['messages'], [
      user(text('a')),
      assistant(text('b')),
      user(text('c')),
    ]);
  });

  const cases: readonly (readonly [
    name: string,
    messages: readonly WireMessage[],
    sent: readonly WireMessage[],
  ])[] = [
    ['empty text', [user(text(''), text('a'))], [user(text('a'))]],
    [
      'text without a word',
      [user(text('a')), assistant(text('\n\n'), use)],
      [user(text('a')), assistant(use)],
    ],
    [
      'a message with nothing left',
      [user(text('a')), assistant(text('')), user(text('b'))],
      [user(text('a')), user(text('b'))],
    ],
    [
      'empty text in a result',
      [user(result([text(''), text('a'), text(' ')]))],
      [user(result([text('a'), text(' ')]))],
    ],
    ['all of a result', [user(result([text('')]))], [user(result([]))]],
  ];
  for (const [name, messages, expected] of cases) {
    test(`${name} is not sent`, () => {
      assert.deepEqual(plain(messages), expected);
    });
  }

  test('an error result says something even when its tool did not', () => {
    for (const content of [[], [text('')]]) {
      assert.deepEqual(plain([user(result(content, { is_error: true }))]), [
        user(result([text('The tool failed.')], { is_error: true })),
      ]);
    }
  });

  test('a system prompt without a word is not sent', () => {
    assert.ok(!('system' in sent({ system: ' \n' })));
    assert.deepEqual(breakpoints(sent({ system: ' ', tools: [tool] })['tools']), ['0']);
  });

  test('a request streams and has a limit', () => {
    const { model, max_tokens, stream } = sent();
    assert.deepEqual([model, max_tokens, stream], ['claude-opus-5-5', 32_000, true]);
    const small = wireRequest(modelRequest(), {
      profile: full,
      outputTokensMax: 4096,
      contextTokensMax: 200_000,
    });
    assert.equal(small['max_tokens'], 4096);
    const tiny = wireRequest(modelRequest(), {
      profile: full,
      outputTokensMax: 4096,
      contextTokensMax: 8192,
    });
    assert.equal(tiny['max_tokens'], 2048);
  });

  test('what the endpoint cannot read is told in words, in results too', () => {
    const image = { type: 'image', source: { type: 'url', url: 'https://x/y.png' } };
    const pdf = { type: 'document', title: 'Plan', source: { type: 'base64', data: 'JVBER' } };
    const note = { type: 'document', title: 'Note', source: { type: 'text', data: 'Buy ants.' } };
    const messages = [user(image, pdf, note), assistant(use), user(result([image]))];
    const blind = { ...full, promptCaching: false, images: false, documents: false };
    const said = JSON.stringify(sent({ messages }, blind)['messages']);
    assert.match(said, /An image was left out.*Plan.{1,3} was left out.*Buy ants\..*An image was left out/);
    assert.doesNotMatch(said, /y\.png|JVBER|"(image|document)"/);
    assert.deepEqual(plain(messages), messages);
  });

  const found = (enabled: boolean): WireBlock => ({
    type: 'search_result',
    source: 'https://x/',
    title: 'Ants',
    content: [text('They dig.'), text('They farm.')],
    citations: { enabled },
  });

  test('search results are told in words where they are not known, and cited all or none', () => {
    const messages = (...results: WireBlock[]) => [user(text('a')), assistant(use), user(result(results))];
    const without = { ...full, promptCaching: false, searchResults: false };
    assert.deepEqual(sent({ messages: messages(found(true)) }, without)['messages'], [
      ...messages().slice(0, 2),
      user(result([text('Ants\nhttps://x/\nThey dig.\nThey farm.')])),
    ]);
    const mixed = messages(found(false), text('and'), found(true));
    assert.deepEqual(plain(mixed), messages(found(true), text('and'), found(true)));
    for (const alike of [messages(found(false), found(false)), messages(found(true))])
      assert.deepEqual(plain(alike), alike);
  });

  const search: WireBlock = {
    type: 'server_tool_use',
    id: 's1',
    name: 'web_search',
    input: { query: 'ants' },
  };
  const hits: WireBlock = {
    type: 'web_search_tool_result',
    tool_use_id: 's1',
    content: [{ type: 'web_search_result', url: 'https://x/', title: 'X', encrypted_content: 'sealed' }],
  };
  const cited: WireBlock = { ...text('They dig.'), citations: [{ type: 'web_search_result_location' }] };
  const theirs = { ...full, promptCaching: false, serverTools: ['web_search'] } as const;

  test('calls of the provider go back to it as they came, and are told in words to others', () => {
    const messages = [user(text('a')), assistant(search, hits, cited), user(text('b'))];
    assert.deepEqual(sent({ messages }, theirs)['messages'], messages);
    assert.deepEqual(plain(messages), [
      messages[0],
      assistant(
        text('[web_search: {"query":"ants"}]'),
        text('[It answered:\nX: https://x/\n]'),
        text('They dig.'),
      ),
      messages[2],
    ]);
  });

  test('a call of the provider that paused is gone on with, or left out', () => {
    const paused = [user(text('a')), assistant(text('Wait.'), search)];
    assert.deepEqual(sent({ messages: paused }, theirs)['messages'], paused);
    assert.deepEqual(sent({ messages: [...paused, user(text('b'))] }, theirs)['messages'], [
      paused[0],
      assistant(text('Wait.')),
      user(text('b')),
    ]);
  });

  test('what the system says ends the words of the user where there is no role for it', () => {
    const system: WireMessage = { role: 'system', content: [text('Be brief.')] };
    const messages = [user(text('a')), system, assistant(text('b'))];
    assert.deepEqual(plain(messages), messages);
    assert.deepEqual(
      sent({ messages }, { ...full, promptCaching: false, systemMessages: false })['messages'],
      [user(text('a'), text('<system>\nBe brief.\n</system>')), assistant(text('b'))],
    );
  });
});

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import fc from 'fast-check';
import { scriptedPlace, scriptedRequest } from '../../../../test/support/scripted.ts';
import { planOf } from './demo-plan.ts';

const { client, remove } = scriptedPlace();
after(remove);

const names = ['bash', 'read', 'write', 'edit', 'glob', 'grep', 'weather'];
const tools = names.map((name) => ({ name, input_schema: { type: 'object' as const } }));

type Said = Parameters<typeof scriptedRequest>[1];
const ask = (...said: Said[]) => client.messages.create({ ...scriptedRequest('demo', ...said), tools });
const spoken = ({ content }: Anthropic.Message) =>
  content.map((block) => (block.type === 'text' ? block.text : '')).join('');
const called = ({ content }: Anthropic.Message) =>
  content.flatMap((block) => (block.type === 'tool_use' ? [{ name: block.name, input: block.input }] : []));

const list = ['bash', { command: 'ls -la' }] as const;
const bash = (command: string) => ['bash', { command }] as const;
const read = (file_path: string) => ['read', { file_path }] as const;
const write = (file_path: string, content: string) => ['write', { file_path, content }] as const;
const edit = (file_path: string, old_string: string, new_string: string) =>
  ['edit', { file_path, old_string, new_string }] as const;
const grep = (pattern: string, path?: string) => ['grep', path ? { pattern, path } : { pattern }] as const;
const glob = (pattern: string) => ['glob', { pattern }] as const;

describe('the plan of a plain request', () => {
  const cases: readonly (readonly [said: string, ...calls: (readonly [name: string, input: object])[]])[] = [
    ['List the files in the working directory.', list],
    ['ls', list],
    ['show me the files', list],
    ['What is in this directory?', list],
    ['Show me notes.md', read('notes.md')],
    ['show the file src/a.ts', read('src/a.ts')],
    ['read a.txt', read('a.txt')],
    ['cat src/main.ts', read('src/main.ts')],
    ['run `uname -a`', bash('uname -a')],
    ['Please run "ls -la | wc"', bash('ls -la | wc')],
    ['execute: echo hi.', bash('echo hi')],
    ['run cd src and then list', bash('cd src and then list')],
    ['Run the command: sleep 1 and wait', bash('sleep 1 and wait')],
    ['Run `echo one; echo two` and then run `echo three`', bash('echo one; echo two'), bash('echo three')],
    ['write "hello" to a.txt', write('a.txt', 'hello')],
    ['write "it\'s; read and write, then list" to a.txt', write('a.txt', "it's; read and write, then list")],
    ['put hello into the file notes/a.txt', write('notes/a.txt', 'hello')],
    ['Write hello to a.txt and read it.', write('a.txt', 'hello'), read('a.txt')],
    [
      'write "hello" to a.txt, then replace "hello" with "bye" in it and then show it',
      write('a.txt', 'hello'),
      edit('a.txt', 'hello', 'bye'),
      read('a.txt'),
    ],
    ['replace "hello" with "bye" in a.txt', edit('a.txt', 'hello', 'bye')],
    ['search for hello', grep('hello')],
    ['grep ants in src', grep('ants', 'src')],
    ['find *.md', glob('*.md')],
    ['Find *.md, then read README.md and search for hello', glob('*.md'), read('README.md'), grep('hello')],
    ['ask me for permission', bash('echo "permission was given"')],
    ['think, then list the files', list],
    [
      'use the weather tool with {"city": "Paris; and then Rome"}',
      ['weather', { city: 'Paris; and then Rome' }],
    ],
    ['use weather with {"city": "Paris"}', ['weather', { city: 'Paris' }]],
    ['use the weather tool', ['weather', {}]],
    ['use the weather tool with {"city": }'],
    ['read it'],
    ['use it'],
    ['call me Tom'],
    ['remember: I like to use vim with {}'],
    ['Remember that I run every day and list my times.'],
    ['what did I ask you to remember?'],
    ['write a poem'],
    ['hello'],
    [''],
  ];
  for (const [said, ...calls] of cases) {
    test(`${JSON.stringify(said)} is ${calls.map(([name]) => name).join(', ') || 'no tool'}`, () => {
      assert.deepEqual(
        planOf(said).map(({ tool, input }) => [tool, input]),
        calls,
      );
    });
  }
});

describe('the demo model', () => {
  const result = (id: string, content: string, more: object = {}) => [
    { type: 'tool_result' as const, tool_use_id: id, content, ...more },
  ];

  test('takes one step after the other, then tells what the tools really answered', async () => {
    const said = 'write hello to a.txt and read it';
    const first = await ask(said);
    assert.deepEqual(called(first), [{ name: 'write', input: { file_path: 'a.txt', content: 'hello' } }]);
    const talk = [said, first.content as Anthropic.ContentBlockParam[]];
    const id = (message: Anthropic.Message) =>
      message.content.flatMap((block) => (block.type === 'tool_use' ? [block.id] : []))[0] ?? '';
    talk.push(result(id(first), 'wrote 5 bytes'));
    const second = await ask(...talk);
    assert.deepEqual(called(second), [{ name: 'read', input: { file_path: 'a.txt' } }]);
    talk.push(
      second.content as Anthropic.ContentBlockParam[],
      result(id(second), 'no such file', { is_error: true }),
    );
    const last = await ask(...talk);
    assert.match(spoken(last), /^Written:\n\nwrote 5 bytes\n\nThat did not work:\n\nno such file/);
    assert.equal(last.stop_reason, 'end_turn');
  });

  const answers: readonly (readonly [said: readonly Said[], answer: RegExp])[] = [
    [['hello'], /^Hello! Ask me to list/],
    [['What is life?'], /^You said: What is life\?\n\nI understand plain requests/],
    [['remember that my cat is called Tom.'], /^I will remember: my cat is called Tom\./],
    [
      ['remember: tea', 'I will.', 'remember that it is hot', 'I will.', 'what did I ask you to remember?'],
      /^You asked me to remember: tea; it is hot/,
    ],
    [['I am Tom', 'Hello.', 'recall'], /^Earlier you said: I am Tom/],
    [['recall'], /^You have not told me anything/],
    [['be slow'], /^I am taking my time/],
    [['use the teapot tool'], /^I would need the tool "teapot" for that, but I was offered: bash, read, /],
  ];
  for (const [said, answer] of answers) {
    test(`answers ${JSON.stringify(said.at(-1))}`, async () => {
      const message = await ask(...said);
      assert.match(spoken(message), answer);
      assert.deepEqual(called(message), []);
    });
  }

  test('thinks when asked to, with a signature that it accepts back', async () => {
    const first = await ask('think about ants');
    assert.deepEqual(
      first.content.map(({ type }) => type),
      ['thinking', 'text'],
    );
    const second = await ask('think about ants', first.content as Anthropic.ContentBlockParam[], 'hello');
    assert.match(spoken(second), /^Hello!/);
  });

  test('says once in a conversation that it is a demo', async () => {
    const first = await ask('hello');
    assert.match(spoken(first), /demo model without intelligence/);
    assert.doesNotMatch(spoken(await ask('hello', spoken(first), 'hello')), /demo model/);
  });

  for (const [said, status] of [
    ['overload', 529],
    ['Please fail.', 400],
  ] as const) {
    test(`"${said}" is an error ${status}`, async () => {
      await assert.rejects(
        ask(said),
        (cause) => cause instanceof Anthropic.APIError && cause.status === status,
      );
    });
  }

  test('never calls a tool it was not offered', async () => {
    const requests = [
      'list the files',
      'run `ls`',
      'read a.txt',
      'write a to b.txt',
      'find *.md',
      'search for a',
      'use the weather tool',
    ];
    const offered = fc.subarray(tools);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...requests), offered, async (said, some) => {
        const message = await client.messages.create({ ...scriptedRequest('demo', said), tools: some });
        assert.ok(called(message).every(({ name }) => some.some((tool) => tool.name === name)));
        assert.ok(message.content.length > 0);
      }),
    );
  });

  test('has an answer to anything', async () => {
    const anything = fc.string().filter((said) => said.trim() !== '' && !/overload|fail/i.test(said));
    await fc.assert(
      fc.asyncProperty(anything, async (said) => {
        assert.ok((await ask(said)).content.length > 0);
      }),
    );
  });
});

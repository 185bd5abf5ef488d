import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { UsageMistake } from './io.ts';
import { compileTransform } from './transform.ts';

const event = {
  id: 'sevt_1',
  type: 'agent.message',
  'a.b': 1,
  stop_reason: { type: 'end_turn' },
  content: [
    { type: 'thinking', tokens: 7 },
    { type: 'text', text: 'one' },
    { type: 'text', text: 'two' },
  ],
  numbers: [1, 2, 3],
};

const found: readonly (readonly [path: string, part: unknown])[] = [
  ['id', 'sevt_1'],
  ['stop_reason.type', 'end_turn'],
  ['a\\.b', 1],
  ['content.1.text', 'one'],
  ['content.#', 3],
  ['content.#.text', ['one', 'two']],
  ['content.#.text|0', 'one'],
  ['content.#(type=="text").text', 'one'],
  ['content.#(type=="text")#.text', ['one', 'two']],
  ['content.#(text)#.type', ['text', 'text']],
  ['content.#(tokens>=7).type', 'thinking'],
  ['content.#(tokens<7).type', undefined],
  ['content.#(type!="text").tokens', 7],
  ['numbers.#(>1)#', [2, 3]],
  ['numbers.#(==3)', 3],
  ['{id,type}', { id: 'sevt_1', type: 'agent.message' }],
  ['{type,why:stop_reason.type}', { type: 'agent.message', why: 'end_turn' }],
  ['{"the why":stop_reason.type}', { 'the why': 'end_turn' }],
  ['{stop_reason.type}', { type: 'end_turn' }],
  ['{type,text:content.#(type=="text").text,err:error.message}', { type: 'agent.message', text: 'one' }],
  ['[id,absent,stop_reason.type]', ['sevt_1', 'end_turn']],
  ['content.#.{type}', [{ type: 'thinking' }, { type: 'text' }, { type: 'text' }]],
  ['absent', undefined],
  ['absent.more', undefined],
  ['absent.{a}', undefined],
  ['id.length', undefined],
  ['toString', undefined],
];

describe('a transform', () => {
  for (const [path, part] of found) {
    test(`${path} finds ${JSON.stringify(part) ?? 'nothing'}`, () => {
      assert.deepEqual(compileTransform(path)(event), part);
    });
  }

  for (const path of [
    '',
    'a..b',
    '{id',
    'content.#(type=="text"',
    'content.#(type==text)',
    '@pretty',
    'cont*',
  ]) {
    test(`"${path}" is a usage mistake`, () => {
      assert.throws(() => compileTransform(path), UsageMistake);
    });
  }
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hasFlag, lastFlag, parseArguments } from './arguments.ts';
import { allCommands } from './commands.ts';
import { commandFlagKind, leadingWords, runFlagKind } from './flags.ts';

const kindOf = (name: string) => (name === 'debug' || name === 'raw-output' ? 'switch' : 'value');
const parse = (...argv: string[]) => {
  const { words, flags } = parseArguments(argv, kindOf);
  return [words, flags.map(({ name, value }) => [name, value])];
};

describe('parsing arguments', () => {
  const cases: readonly (readonly [argv: string[], words: string[], flags: unknown[]])[] = [
    [['a', '--name', 'x', 'b'], ['a', 'b'], [['name', 'x']]],
    [['--name=x=y'], [], [['name', 'x=y']]],
    [['--name='], [], [['name', '']]],
    [['--name', ''], [], [['name', '']]],
    [['--name', '-1'], [], [['name', '-1']]],
    [['--name=--x'], [], [['name', '--x']]],
    [['--debug', 'a'], ['a'], [['debug', null]]],
    [['--debug', 'false', 'a'], ['a'], [['debug', 'false']]],
    [['-r'], [], [['raw-output', null]]],
    [['a', '--', '--name', 'b'], ['a', '--name', 'b'], []],
    [
      ['--tool', '1', '--tool', '2'],
      [],
      [
        ['tool', '1'],
        ['tool', '2'],
      ],
    ],
  ];
  for (const [argv, words, flags] of cases) {
    test(argv.join(' '), () => {
      assert.deepEqual(parse(...argv), [words, flags]);
    });
  }

  test('a flag without its value is refused, also before another flag', () => {
    assert.throws(() => parse('--name'), /--name needs a value/);
    assert.throws(() => parse('--name', '--debug'), /--name needs a value/);
  });

  test('the last of repeated flags counts, and "false" switches off', () => {
    const { flags } = parseArguments(['--n', '1', '--n', '2', '--debug', 'false'], kindOf);
    assert.equal(lastFlag(flags, 'n'), '2');
    assert.equal(hasFlag(flags, 'debug'), false);
  });
});

describe('what a flag is', () => {
  const command = (resource: string, action: string) => {
    const found = allCommands().find((each) => each.resource === resource && each.action === action);
    assert.ok(found);
    return commandFlagKind(found);
  };

  test('--version takes a number where the request has a version and is a switch elsewhere', () => {
    assert.equal(command('beta:agents', 'update')('version'), 'value');
    assert.equal(command('beta:agents', 'retrieve')('version'), 'value');
    assert.equal(command('beta:agents', 'list')('version'), 'switch');
  });

  test('booleans of the request are switches', () => {
    assert.equal(command('beta:agents', 'list')('include-archived'), 'switch');
    assert.equal(command('beta:environments', 'delete')('force'), 'switch');
  });

  test('only lists and streams have --max-items', () => {
    assert.equal(command('beta:sessions:events', 'stream')('max-items'), 'value');
    assert.throws(() => command('beta:sessions', 'retrieve')('max-items'), /unknown flag --max-items/);
  });

  test('an unknown flag is refused with the nearest one', () => {
    assert.throws(
      () => command('beta:agents', 'create')('sytem'),
      /unknown flag --sytem; did you mean --system\?/,
    );
    assert.throws(
      () => command('beta:agents', 'create')('zzzzzz'),
      /unknown flag --zzzzzz \(see anthill beta:agents create --help\)/,
    );
    assert.throws(() => runFlagKind()('modle'), /did you mean --model\?/);
  });

  test('members of a structured flag are known by it', () => {
    assert.equal(command('beta:environments', 'create')('config.networking.type'), 'value');
    assert.throws(() => command('beta:environments', 'create')('confg.type'), /unknown flag/);
  });
});

describe('the leading words', () => {
  const cases: readonly (readonly [argv: string[], words: string[]])[] = [
    [
      ['beta:agents', 'list', '--limit', '3'],
      ['beta:agents', 'list'],
    ],
    [
      ['--format', 'json', 'beta:agents', 'list'],
      ['beta:agents', 'list'],
    ],
    [
      ['--debug', 'beta:agents', '--format=yaml', 'list'],
      ['beta:agents', 'list'],
    ],
    [['--help'], []],
    [
      ['run', 'text', 'more'],
      ['run', 'text'],
    ],
  ];
  for (const [argv, words] of cases) {
    test(`of ${argv.join(' ')} are ${words.join(' ') || 'none'}`, () => {
      assert.deepEqual(leadingWords(argv), words);
    });
  }
});

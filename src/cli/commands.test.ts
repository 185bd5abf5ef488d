import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { routes } from '../protocol/routes.ts';
import { allCommands, flagOf, itemFlagOf } from './commands.ts';
import { commandHelp, generalHelp, resourceHelp } from './help.ts';

const commands = allCommands();
const flagsOf = (resource: string, action: string) => {
  const command = commands.find((each) => each.resource === resource && each.action === action);
  assert.ok(command, `${resource} ${action}`);
  const { body, query } = command;
  return [...body, ...query].map((field) => itemFlagOf(field) ?? flagOf(field.name));
};

describe('commands', () => {
  test('every route is one command, called as in the SDK', () => {
    const camel = (words: string) => words.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    const names = commands.map(({ resource, action }) => camel(`${resource.replaceAll(':', '.')} ${action}`));
    assert.deepEqual(names, Object.keys(routes));
    assert.equal(new Set(names).size, names.length);
  });

  test('no flag of a command means two things', () => {
    for (const { resource, action, ids, body, query } of commands) {
      const names = [
        ...ids.map(flagOf),
        ...[...body, ...query].flatMap((field) => [flagOf(field.name), itemFlagOf(field) ?? []].flat()),
      ];
      assert.equal(new Set(names).size, names.length, `${resource} ${action}: ${names}`);
    }
  });

  test('flags are the fields in kebab-case, lists in the singular, bounds without brackets', () => {
    const create = flagsOf('beta:agents', 'create');
    for (const flag of ['name', 'model', 'system', 'tool', 'mcp-server', 'skill', 'metadata', 'description'])
      assert.ok(create.includes(flag), flag);
    const list = flagsOf('beta:sessions', 'list');
    for (const flag of [
      'agent-id',
      'agent-version',
      'status',
      'created-at-gte',
      'include-archived',
      'limit',
      'page',
    ])
      assert.ok(list.includes(flag), flag);
    assert.ok(flagsOf('beta:sessions', 'create').includes('initial-event'));
    assert.ok(flagsOf('beta:sessions:events', 'send').includes('event'));
    assert.ok(flagsOf('beta:sessions:events', 'list').includes('type'));
    assert.ok(flagsOf('beta:sessions:events', 'stream').includes('event-delta'));
  });

  test('a resource of several words is written in kebab-case', () => {
    assert.deepEqual(flagsOf('beta:memory-stores:memories', 'create'), ['path', 'content', 'view']);
    assert.ok(flagsOf('beta:memory-stores:memory-versions', 'list').includes('memory-id'));
  });

  test('ids of a path come in its order', () => {
    const threads = commands.find(({ resource }) => resource === 'beta:sessions:threads:events');
    assert.deepEqual(threads?.ids, ['session_id', 'thread_id']);
  });
});

describe('help', () => {
  test('names every resource, every action and every flag', () => {
    const general = generalHelp(commands);
    for (const { resource, action } of commands) {
      assert.ok(general.includes(`${resource} `), resource);
      const own = commands.filter((each) => each.resource === resource);
      assert.ok(resourceHelp(own).includes(`anthill ${resource} ${action}`));
    }
    const help = commandHelp(commands[0] ?? assert.fail());
    for (const flag of flagsOf('beta:agents', 'create')) assert.ok(help.includes(`  --${flag}`), flag);
    assert.match(help, /--name TEXT \(required\)/);
    assert.match(help, /--tool YAML \(may be repeated\)/);
    assert.match(help, /standard input/);
  });

  test('only lists and streams offer --max-items, only bodies standard input', () => {
    for (const command of commands) {
      const help = commandHelp(command);
      const { paging, streams, body } = command.route;
      assert.equal(help.includes('--max-items'), paging !== null || streams, command.resource);
      assert.equal(help.includes('standard input;'), body !== null, command.resource);
    }
  });
});

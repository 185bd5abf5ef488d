import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { parseArguments } from './arguments.ts';
import { allCommands } from './commands.ts';
import { commandFlagKind } from './flags.ts';
import { UsageMistake } from './io.ts';
import { readFlags } from './values.ts';

/** What a command line asks of the API. */
function given(resource: string, action: string, ...argv: string[]) {
  const command = allCommands().find((each) => each.resource === resource && each.action === action);
  assert.ok(command);
  const { words, flags } = parseArguments(argv, commandFlagKind(command));
  const { ids, query, body } = readFlags(command, words, flags);
  return { ids, query: query.toString(), body };
}
const agent = (...argv: string[]) => given('beta:agents', 'create', ...argv).body;
const environment = (...argv: string[]) => given('beta:environments', 'create', ...argv).body;

describe('values of the body', () => {
  test('text is taken as it is, even if it looks like something else', () => {
    assert.deepEqual(agent('--name', '42', '--system', '{not: yaml', '--description', 'true'), {
      name: '42',
      system: '{not: yaml',
      description: 'true',
    });
  });

  test('structures are relaxed YAML or JSON', () => {
    const config = { type: 'cloud', networking: { type: 'unrestricted' } };
    assert.deepEqual(environment('--config', '{type: cloud, networking: {type: unrestricted}}'), { config });
    assert.deepEqual(environment('--config', JSON.stringify(config)), { config });
    assert.deepEqual(agent('--metadata', '{team: core, "n": "1"}'), { metadata: { team: 'core', n: '1' } });
  });

  test('a repeated flag adds to its list, the plural sets it', () => {
    const tools = [{ type: 'agent_toolset_20260401' }, { type: 'mcp_toolset', mcp_server_name: 'linear' }];
    assert.deepEqual(
      agent(
        '--tool',
        '{type: agent_toolset_20260401}',
        '--tool',
        '{type: mcp_toolset, mcp_server_name: linear}',
      ),
      { tools },
    );
    assert.deepEqual(agent('--tools', JSON.stringify(tools)), { tools });
    assert.deepEqual(given('beta:sessions', 'create', '--vault-id', 'vlt_1', '--vault-id', 'vlt_2').body, {
      vault_ids: ['vlt_1', 'vlt_2'],
    });
  });

  test('what may be an id or an object is one or the other by its look', () => {
    const session = (text: string) => given('beta:sessions', 'create', '--agent', text).body;
    assert.deepEqual(session('agent_1'), { agent: 'agent_1' });
    assert.deepEqual(session('{type: agent, id: agent_1, version: 2}'), {
      agent: { type: 'agent', id: 'agent_1', version: 2 },
    });
    assert.deepEqual(agent('--model', 'scripted/demo'), { model: 'scripted/demo' });
    assert.deepEqual(agent('--model', '{id: scripted/demo}'), { model: { id: 'scripted/demo' } });
  });

  test('dotted flags set members, also of the last item of a list', () => {
    assert.deepEqual(environment('--config.type', 'cloud', '--config.networking.type', 'limited'), {
      config: { type: 'cloud', networking: { type: 'limited' } },
    });
    assert.deepEqual(environment('--config', '{type: cloud}', '--config.networking', '{type: limited}'), {
      config: { type: 'cloud', networking: { type: 'limited' } },
    });
    assert.deepEqual(
      agent('--mcp-server.name', 'a', '--mcp-server.url', 'https://a', '--mcp-server.name', 'b'),
      { mcp_servers: [{ name: 'a', url: 'https://a' }, { name: 'b' }] },
    );
  });

  test('null unsets what may be null, and is a word elsewhere', () => {
    assert.deepEqual(given('beta:sessions', 'update', '--title', 'null').body, { title: null });
    assert.deepEqual(given('beta:agents', 'update', '--system', 'null').body, { system: null });
    assert.deepEqual(agent('--name', 'null'), { name: 'null' });
  });

  test('numbers must be numbers', () => {
    assert.deepEqual(given('beta:agents', 'update', '--version', '3').body, { version: 3 });
    assert.throws(
      () => given('beta:agents', 'update', '--version', 'three'),
      /--version: "three" is not a number/,
    );
  });

  test('broken YAML names its flag', () => {
    assert.throws(
      () => agent('--tool', '{type: '),
      (cause: unknown) => {
        assert.ok(cause instanceof UsageMistake);
        assert.match(cause.message, /^--tool: /);
        return true;
      },
    );
  });
});

describe('values from files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'anthill-values-'));
  after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'prompt.txt'), 'Be kind.');
  writeFileSync(join(folder, 'config.yaml'), 'type: cloud\n');

  test('text is the file, a structure is what its YAML says', () => {
    assert.deepEqual(agent('--system', `@${folder}/prompt.txt`), { system: 'Be kind.' });
    assert.deepEqual(environment('--config', `@${folder}/config.yaml`), { config: { type: 'cloud' } });
  });

  test('files are also read inside of structures', () => {
    const event = `{type: user.message, content: [{type: text, text: "@${folder}/prompt.txt"}]}`;
    assert.deepEqual(given('beta:sessions:events', 'send', '--event', event).body, {
      events: [{ type: 'user.message', content: [{ type: 'text', text: 'Be kind.' }] }],
    });
  });

  test('a missing one is a mistake', () => {
    assert.throws(() => agent('--system', `@${folder}/none.txt`), UsageMistake);
    assert.throws(() => environment('--config', `@${folder}/none.yaml`), UsageMistake);
  });
});

describe('ids and queries', () => {
  test('an id is a flag or a word', () => {
    assert.deepEqual(given('beta:sessions', 'retrieve', 'sesn_1').ids, { session_id: 'sesn_1' });
    assert.deepEqual(given('beta:sessions', 'retrieve', '--session-id', 'sesn_1').ids, {
      session_id: 'sesn_1',
    });
    assert.deepEqual(given('beta:sessions:threads', 'retrieve', 'sesn_1', 'sthr_1').ids, {
      session_id: 'sesn_1',
      thread_id: 'sthr_1',
    });
    assert.deepEqual(given('beta:sessions:threads', 'retrieve', '--session-id', 'sesn_1', 'sthr_1').ids, {
      session_id: 'sesn_1',
      thread_id: 'sthr_1',
    });
  });

  test('a word too many is refused', () => {
    assert.throws(() => given('beta:sessions', 'retrieve', 'a', 'b'), /unexpected argument "b"/);
    assert.throws(() => given('beta:agents', 'create', 'a'), /unexpected argument "a"/);
  });

  test('lists are repeated with brackets, bounds keep theirs, switches say true', () => {
    const list = (...argv: string[]) => decodeURIComponent(given('beta:sessions', 'list', ...argv).query);
    assert.equal(list('--status', 'idle', '--status', 'running'), 'statuses[]=idle&statuses[]=running');
    assert.equal(list('--statuses', '[idle, running]'), 'statuses[]=idle&statuses[]=running');
    assert.equal(list('--created-at-gte', '2026-01-01'), 'created_at[gte]=2026-01-01');
    assert.equal(list('--include-archived', '--limit', '5'), 'include_archived=true&limit=5');
    assert.equal(
      list('--include-archived', 'false', '--agent-id', 'agent_1'),
      'include_archived=false&agent_id=agent_1',
    );
  });
});

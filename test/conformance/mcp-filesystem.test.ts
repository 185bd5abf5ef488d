import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Bridge } from '../support/mcp-bridge.ts';
import { bridgeToStdio } from '../support/mcp-bridge.ts';
import type { ListedEvent } from '../support/server-sessions.ts';
import { collect, listAll, openSession, say, send, spoken, toolset } from '../support/server-sessions.ts';
import { describeServer } from '../support/server-suite.ts';

// The server names files by where they really are.
const directory = realpathSync(mkdtempSync(join(tmpdir(), 'anthill-mcp-files-')));
const allowed = join(directory, 'allowed');
mkdirSync(allowed);
writeFileSync(join(directory, 'secret.txt'), 'not for agents');
const at = (name: string) => JSON.stringify(join(allowed, name));
const scenarios = {
  files: `rules:
  - when: { step: 0, user: '^write' }
    reply: [{ tool: mcp__files__write_file, input: { path: ${at('a.txt')}, content: "three ants" } }]
  - when: { step: 1, user: '^write' }
    reply:
      - { tool: mcp__files__read_text_file, input: { path: ${at('a.txt')} } }
      - { tool: mcp__files__list_directory, input: { path: ${JSON.stringify(allowed)} } }
  - when: { step: 0, user: '^edit' }
    reply:
      - tool: mcp__files__edit_file
        input: { path: ${at('a.txt')}, edits: [{ oldText: three, newText: four }] }
  - when: { step: 0, user: '^escape' }
    reply: [{ tool: mcp__files__read_text_file, input: { path: ${JSON.stringify(join(directory, 'secret.txt'))} } }]
  - when: { step: 0, user: '^wrong' }
    reply: [{ tool: mcp__files__read_text_file, input: { file: 1 } }]
  - when: { step: 0, user: '^picture' }
    reply: [{ tool: mcp__files__read_media_file, input: { path: ${at('dot.png')} } }]
  - reply: [{ text: "Done: {{last_tool_result}}" }]
`,
};
const png =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

describeServer({ name: 'the filesystem server of the protocol, in a session', scenarios }, ({ client }) => {
  let bridge: Bridge;
  before(async () => {
    writeFileSync(join(allowed, 'dot.png'), Buffer.from(png, 'base64'));
    const script = createRequire(import.meta.url).resolve(
      '@modelcontextprotocol/server-filesystem/dist/index.js',
    );
    bridge = await bridgeToStdio(script, [allowed]);
  });
  after(async () => {
    await bridge.close();
    rmSync(directory, { recursive: true });
  });

  const open = (policy: 'always_allow' | 'always_ask' = 'always_allow') =>
    openSession(client, {
      model: 'scripted/files',
      tools: [
        toolset,
        {
          type: 'mcp_toolset',
          mcp_server_name: 'files',
          default_config: { permission_policy: { type: policy } },
        },
      ],
      mcp_servers: [{ type: 'url', name: 'files', url: bridge.url }],
    });
  const resultsIn = (events: readonly ListedEvent[]) =>
    events.flatMap((event) => (event.type === 'agent.mcp_tool_result' ? [event] : []));
  async function turn(words: string) {
    const session = await open();
    await say(client, session.id, words);
    return await listAll(client, session.id);
  }

  test('files are written, read and listed, and the agent hears of it', async () => {
    const events = await turn('write it');
    const uses = events.flatMap((event) => (event.type === 'agent.mcp_tool_use' ? [event] : []));
    // Two calls of one reply run at once: their results come in the order in which they end.
    const answers = uses.map(({ id, name }) => {
      const result = resultsIn(events).find(({ mcp_tool_use_id }) => mcp_tool_use_id === id);
      return [name, result?.is_error, JSON.stringify(result?.content)];
    });
    assert.deepEqual(
      answers.map(([name, isError]) => [name, isError]),
      [
        ['write_file', false],
        ['read_text_file', false],
        ['list_directory', false],
      ],
    );
    assert.equal(answers[1]?.[2], '[{"type":"text","text":"three ants"}]');
    assert.match(String(answers[2]?.[2]), /\[FILE\] a\.txt/);
    assert.equal(readFileSync(join(allowed, 'a.txt'), 'utf8'), 'three ants');
    assert.match(spoken(events), /^Done: /);
  });

  test('an edit answers with what it changed', async () => {
    writeFileSync(join(allowed, 'a.txt'), 'three ants');
    const [result] = resultsIn(await turn('edit it'));
    assert.match(JSON.stringify(result?.content), /-three ants.*\+four ants/s);
    assert.equal(readFileSync(join(allowed, 'a.txt'), 'utf8'), 'four ants');
  });

  test('what the server refuses is an error of the call, and the turn goes on', async () => {
    for (const [words, text] of [
      ['escape from it', /Access denied/],
      ['wrong input', /path/],
    ] as const) {
      const events = await turn(words);
      const [result] = resultsIn(events);
      assert.equal(result?.is_error, true);
      assert.match(JSON.stringify(result?.content), text);
      assert.doesNotMatch(JSON.stringify(events), /not for agents/);
      assert.match(spoken(events), /^Done: /);
    }
  });

  test('a picture is shown as one', async () => {
    const [result] = resultsIn(await turn('picture, please'));
    const source = { type: 'base64', media_type: 'image/png', data: png };
    assert.deepEqual(result?.content?.[0], { type: 'image', source });
  });

  test('nothing is written before the client allows it', async () => {
    rmSync(join(allowed, 'a.txt'), { force: true });
    const session = await open('always_ask');
    await say(client, session.id, 'write it');
    assert.throws(() => readFileSync(join(allowed, 'a.txt')), /ENOENT/);
    const [use] = (await listAll(client, session.id)).filter(({ type }) => type === 'agent.mcp_tool_use');
    const confirmation = {
      type: 'user.tool_confirmation',
      tool_use_id: use?.id ?? '',
      result: 'allow',
    } as const;
    await collect(client, session.id, () => send(client, session.id, confirmation));
    assert.equal(readFileSync(join(allowed, 'a.txt'), 'utf8'), 'three ants');
  });
});

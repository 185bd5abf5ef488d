import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import type { Door, McpServer } from '../support/mcp-server.ts';
import { startMcpServer } from '../support/mcp-server.ts';
import { eventually } from '../support/server-processes.ts';
import type { ListedEvent } from '../support/server-sessions.ts';
import {
  atRest,
  collect,
  interrupt,
  listAll,
  message,
  openSession,
  say,
  send,
  toolset,
} from '../support/server-sessions.ts';
import { describeServer } from '../support/server-suite.ts';
import { bearer, oauth } from '../support/server-vaults.ts';

const call = (name: string, input: object) =>
  `rules:\n  - when: { step: 0 }\n    reply: [{ tool: ${name}, input: ${JSON.stringify(input)} }]\n  - reply: [{ text: Done. }]\n`;
const picture = { type: 'image', mimeType: 'image/png', data: 'iVBORw0KGgo=' };
const scenarios = {
  dig: call('mcp__ants__dig', { say: 'hello' }),
  deeper: call('mcp__ants__dig_deeper_v2', { say: 1 }),
  fail: call('mcp__ants__dig', { fail: true }),
  large: call('mcp__ants__dig', { size: 150_000 }),
  never: call('mcp__ants__dig', { never: true }),
  unknown: call('mcp__ants__fly', {}),
  picture: call('mcp__ants__dig', { content: [picture, { type: 'text', text: 'a dot' }] }),
  sound: call('mcp__ants__dig', { content: [{ type: 'audio', mimeType: 'audio/wav', data: 'AAAA' }] }),
  echo: call('mcp__ants__dig', { say: 'token-1' }),
  sum: call('mcp__every_thing__get-sum', { a: 2, b: 40 }),
};
const allowed = { permission_policy: { type: 'always_allow' } } as const;

describeServer({ name: 'MCP servers in sessions', scenarios }, ({ client, server, startAgain }) => {
  let mcp: McpServer;
  before(async () => {
    mcp = await startMcpServer();
  });
  after(() => mcp.close());

  type Options = { url?: string; name?: string; ask?: boolean; vaults?: string[]; disabled?: string[] };
  async function open(scenario: string, { url, name = 'ants', ask, vaults, disabled = [] }: Options = {}) {
    const mcpToolset = {
      type: 'mcp_toolset',
      mcp_server_name: name,
      ...(ask ? {} : { default_config: allowed }),
      configs: disabled.map((tool) => ({ name: tool, enabled: false })),
    } as const;
    const agent = {
      model: `scripted/${scenario}`,
      tools: [toolset, mcpToolset],
      mcp_servers: [{ type: 'url' as const, name, url: url ?? `${mcp.url}/mcp` }],
    };
    return await openSession(client, agent, vaults ? { vault_ids: vaults } : {});
  }
  const open1 = async (scenario: string, options?: Options) => {
    const session = await open(scenario, options);
    await say(client, session.id, 'go');
    return await listAll(client, session.id);
  };
  const useIn = (events: readonly ListedEvent[]) => {
    const use = events.find((event) => event.type === 'agent.mcp_tool_use');
    assert.ok(use?.type === 'agent.mcp_tool_use');
    return use;
  };
  const resultIn = (events: readonly ListedEvent[]) => {
    const result = events.find((event) => event.type === 'agent.mcp_tool_result');
    assert.ok(result?.type === 'agent.mcp_tool_result');
    return result;
  };
  const errorsIn = (events: readonly ListedEvent[]) =>
    events.flatMap((event) => (event.type === 'session.error' ? [event.error] : []));
  const free: Door = () => false;
  const guarded =
    (token: string, also: Door = free): Door =>
    (request, response, body) => {
      if (also(request, response, body)) return true;
      if (request.headers.authorization === `Bearer ${token}`) return false;
      response.writeHead(401).end();
      return true;
    };
  const vaultWith = async (auth: ReturnType<typeof bearer> | ReturnType<typeof oauth>) => {
    const vault = await client.beta.vaults.create({ display_name: 'V' });
    const credential = await client.beta.vaults.credentials.create(vault.id, { auth });
    return { vaultId: vault.id, credentialId: credential.id };
  };

  for (const path of ['/mcp', '/sse']) {
    test(`a tool is called at ${path}, and events name it as its server does`, async () => {
      mcp.guard(free);
      const events = await open1('dig', { url: mcp.url + path });
      const use = useIn(events);
      assert.deepEqual(
        [use.mcp_server_name, use.name, use.input, use.evaluated_permission],
        ['ants', 'dig', { say: 'hello' }, 'allow'],
      );
      const result = resultIn(events);
      assert.deepEqual(
        [result.mcp_tool_use_id, result.is_error, result.content],
        [use.id, false, [{ type: 'text', text: 'dig "hello"' }]],
      );
      assert.deepEqual(errorsIn(events), []);
    });
  }

  test('a name that the model API does not take is called under another', async () => {
    mcp.guard(free);
    assert.equal(useIn(await open1('deeper')).name, 'dig.deeper/v2');
  });

  test('calls ask first unless told otherwise, and run when they are allowed', async () => {
    mcp.guard(free);
    const session = await open('dig', { ask: true });
    await say(client, session.id, 'go');
    const use = useIn(await listAll(client, session.id));
    assert.deepEqual([use.evaluated_permission, use.evaluation], ['ask', { type: 'always_ask' }]);
    assert.ok(!mcp.seen.some(({ body }) => body.includes('tools/call')));
    const confirm = { type: 'user.tool_confirmation', tool_use_id: use.id, result: 'allow' } as const;
    await collect(client, session.id, () => send(client, session.id, confirm));
    assert.deepEqual(resultIn(await listAll(client, session.id)).content, [
      { type: 'text', text: 'dig "hello"' },
    ]);
  });

  test('a tool that is disabled or unknown is not run', async () => {
    mcp.guard(free);
    for (const events of [await open1('dig', { disabled: ['dig'] }), await open1('unknown')]) {
      const use = useIn(events);
      assert.deepEqual([use.evaluated_permission, use.evaluation], ['deny', undefined]);
      assert.equal(resultIn(events).is_error, true);
    }
    assert.ok(!mcp.seen.some(({ body }) => body.includes('tools/call')));
  });

  test('a failure is an error result; what models cannot read is said', async () => {
    mcp.guard(free);
    assert.equal(resultIn(await open1('fail')).is_error, true);
    const sound = resultIn(await open1('sound'));
    assert.deepEqual(
      [sound.is_error, sound.content],
      [true, [{ type: 'text', text: '[content of type audio cannot be shown]' }]],
    );
    const [image] = resultIn(await open1('picture')).content ?? [];
    assert.deepEqual(image, {
      type: 'image',
      source: { type: 'base64', media_type: 'image/png', data: picture.data },
    });
  });

  test('a large result goes to a file of the sandbox', async () => {
    mcp.guard(free);
    const [block] = resultIn(await open1('large')).content ?? [];
    const text = block?.type === 'text' ? block.text : '';
    assert.ok(text.length < 3_000);
    assert.match(text, /150000 characters in all; the full text is in \/mnt\/session\/tool_outputs\/sevt_/);
  });

  test('an interrupt ends a call, and the session goes on', async () => {
    mcp.guard(free);
    const session = await open('never');
    await collect(
      client,
      session.id,
      () => send(client, session.id, message('go')),
      ({ type }) => type === 'agent.mcp_tool_use',
    );
    const begun = performance.now();
    await collect(client, session.id, () => send(client, session.id, interrupt));
    assert.ok(performance.now() - begun < 1_500);
    assert.equal(resultIn(await listAll(client, session.id)).is_error, true);
  });

  test('an interrupt ends connecting as well', async () => {
    mcp.guard(() => true);
    const session = await open('dig');
    await send(client, session.id, message('go'));
    const begun = performance.now();
    await collect(client, session.id, () => send(client, session.id, interrupt));
    assert.ok(performance.now() - begun < 1_500);
  });

  test('a server out of reach is said, and tried again with the next message', async () => {
    mcp.guard((_request, response) => Boolean(response.writeHead(503).end()));
    const session = await open('dig');
    await say(client, session.id, 'go');
    const before = await listAll(client, session.id);
    assert.deepEqual(errorsIn(before), [
      {
        type: 'mcp_connection_failed_error',
        mcp_server_name: 'ants',
        message: 'Could not connect to MCP server "ants": HTTP 503.',
        retry_status: { type: 'retrying' },
      },
    ]);
    assert.equal(resultIn(before).is_error, true);
    mcp.guard(free);
    await say(client, session.id, 'again');
    const results = (await listAll(client, session.id)).filter(
      (event) => event.type === 'agent.mcp_tool_result',
    );
    assert.deepEqual(
      results.map(({ is_error }) => is_error),
      [true, false],
    );
  });

  test('the token of the first vault that has one is sent, and never shown to anybody', async () => {
    const { vaultId } = await vaultWith(bearer(`${mcp.url.replace('http', 'HTTP')}/echo/`, 'token-0'));
    const second = await vaultWith(bearer(`${mcp.url}/mcp/`, 'token-1'));
    const third = await vaultWith(bearer(`${mcp.url}/mcp`, 'token-2'));
    mcp.guard(guarded('token-1'));
    const events = await open1('echo', { vaults: [vaultId, second.vaultId, third.vaultId] });
    assert.deepEqual(resultIn(events).content, [{ type: 'text', text: 'dig "[secret]"' }]);
  });

  test('no token, or a wrong one, is an error of authentication', async () => {
    mcp.guard(guarded('right'));
    const { vaultId } = await vaultWith(bearer(`${mcp.url}/mcp`, 'wrong'));
    for (const vaults of [[], [vaultId]]) {
      const [error] = errorsIn(await open1('dig', { vaults }));
      assert.ok(error && 'mcp_server_name' in error);
      assert.deepEqual([error.type, error.mcp_server_name], ['mcp_authentication_failed_error', 'ants']);
    }
  });

  test('a token that changes is used at once, one that is archived no more', async () => {
    const { vaultId, credentialId } = await vaultWith(bearer(`${mcp.url}/mcp`, 'old'));
    mcp.guard(guarded('old'));
    const session = await open('dig', { vaults: [vaultId] });
    await say(client, session.id, 'go');
    const at = { vault_id: vaultId };
    const auth = { type: 'static_bearer', token: 'new' } as const;
    await client.beta.vaults.credentials.update(credentialId, { ...at, auth });
    mcp.guard(guarded('new'));
    await say(client, session.id, 'go');
    assert.deepEqual(errorsIn(await listAll(client, session.id)), []);
    await client.beta.vaults.credentials.archive(credentialId, at);
    await say(client, session.id, 'go');
    assert.equal(errorsIn(await listAll(client, session.id)).length, 1);
  });

  test('an OAuth token that is refused is exchanged once for all who need it, and kept', async () => {
    const refresh = { token_endpoint: `${mcp.url}/token` };
    const { vaultId } = await vaultWith(oauth(`${mcp.url}/mcp`, refresh));
    const exchange: Door = ({ url }, response) => {
      if (url !== '/token') return false;
      setTimeout(() => response.end('{"access_token":"fresh","refresh_token":"next","expires_in":3600}'), 50);
      return true;
    };
    mcp.guard(guarded('fresh', exchange));
    const all = await Promise.all([1, 2, 3].map(() => open1('dig', { vaults: [vaultId] })));
    assert.deepEqual(all.flatMap(errorsIn), []);
    await open1('dig', { vaults: [vaultId] });
    assert.equal(mcp.seen.filter(({ path }) => path === '/token').length, 1);
  });

  test('a server that is killed during a call does not call again, and says that it does not know', async () => {
    mcp.guard(free);
    const session = await open('never');
    await collect(
      client,
      session.id,
      () => send(client, session.id, message('go')),
      ({ type }) => type === 'agent.mcp_tool_use',
    );
    const calls = () => mcp.seen.filter(({ body }) => body.includes('tools/call')).length;
    await eventually(() => calls() === 1, 'the call has come');
    await server.kill();
    await startAgain();
    await atRest(client, session.id);
    const result = resultIn(await listAll(client, session.id));
    assert.match(JSON.stringify(result.content), /its outcome is unknown/);
    assert.deepEqual([result.is_error, calls()], [true, 1]);
  });

  for (const [kind, path] of [
    ['streamableHttp', '/mcp'],
    ['sse', '/sse'],
  ] as const) {
    test(`the reference server of the protocol works over ${kind}`, async () => {
      const { everything, port } = await startEverything(kind);
      try {
        const url = `http://127.0.0.1:${port}${path}`;
        const events = await open1('sum', { url, name: 'every thing' });
        assert.deepEqual(errorsIn(events), []);
        assert.match(JSON.stringify(resultIn(events).content), /42/);
        assert.equal(useIn(events).mcp_server_name, 'every thing');
      } finally {
        everything.kill('SIGKILL');
      }
    });
  }
});

/** It takes no port of its own choice, and one that was free may not be. */
async function startEverything(kind: string): Promise<{ everything: ChildProcess; port: number }> {
  const resolve = createRequire(import.meta.url).resolve;
  const script = resolve('@modelcontextprotocol/server-everything/dist/index.js');
  for (;;) {
    // Below the ports that systems hand out to clients.
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const env = { ...process.env, PORT: String(port) };
    const everything = spawn(process.execPath, [script, kind], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    // It tells on standard error where it listens, or that somebody else does.
    let said = '';
    while (!said.includes(String(port))) said += String((await once(everything.stderr, 'data'))[0]);
    if (/(listening|running) on port/i.test(said)) return { everything, port };
    assert.match(said, /already in use/);
  }
}

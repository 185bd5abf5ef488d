import assert from 'node:assert/strict';
import { test } from 'node:test';
import { APIError } from '@anthropic-ai/sdk';
import type { AgentParams } from '../support/server-sessions.ts';
import { openSession, toolset, uniqueName } from '../support/server-sessions.ts';
import { describeServer } from '../support/server-suite.ts';

type Tools = NonNullable<AgentParams['tools']>;
const search = (allowed_domains: string[], more: object = {}): Tools => [
  { ...toolset, configs: [{ name: 'web_search', allowed_domains, ...more }] },
];
const fetching = (allowed_domains: string[]): Tools => [
  { ...toolset, configs: [{ name: 'web_fetch', allowed_domains }] },
];

/** What the tools of an agent are kept to, what its environment is limited to, and the first entry that does not fit. */
const cases: readonly (readonly [name: string, tools: Tools, hosts: string[], wrong: RegExp | null])[] = [
  ['the same host', search(['docs.example.com']), ['docs.example.com'], null],
  ['a host below a wildcard', search(['docs.example.com']), ['*.example.com'], null],
  ['a path on an allowed host', search(['Docs.example.com/api/']), ['docs.example.com'], null],
  ['several hosts', fetching(['a.example.com', 'b.example.com']), ['*.example.com'], null],
  ['no list', [toolset], [], null],
  [
    'a list of what is blocked',
    [{ ...toolset, configs: [{ name: 'web_fetch', blocked_domains: ['x.com'] }] }],
    [],
    null,
  ],
  ['a disabled tool', search(['docs.example.com'], { enabled: false }), [], null],
  [
    'a host below one that is exact',
    search(['docs.example.com']),
    ['example.com'],
    /^web_search: allowed_domains\.0: "docs\.example\.com" is not allowed by the environment's networking$/,
  ],
  [
    'the domain that a wildcard is below',
    fetching(['example.com']),
    ['*.example.com'],
    /^web_fetch: allowed_domains\.0: "example\.com" is not allowed/,
  ],
  [
    'the second of two',
    fetching(['a.example.com', 'b.example.com']),
    ['a.example.com'],
    /^web_fetch: allowed_domains\.1: "b\.example\.com"/,
  ],
  ['anything where nothing is allowed', search(['example.com']), [], /^web_search: allowed_domains\.0/],
];

describeServer('domains of web tools in limited environments', ({ client }) => {
  const limitedTo = async (hosts: string[]) => {
    const { id } = await client.beta.environments.create({
      name: `limited ${uniqueName()}`,
      config: { type: 'cloud', networking: { type: 'limited', allowed_hosts: hosts } },
    });
    return id;
  };
  const refusedWith = (wrong: RegExp) => (thrown: unknown) => {
    assert.ok(thrown instanceof APIError, String(thrown));
    const { type, message } = Object(thrown.error).error;
    assert.deepEqual([thrown.status, type], [400, 'invalid_request_error']);
    assert.match(message, wrong);
    return true;
  };

  for (const [name, tools, hosts, wrong] of cases)
    test(`${name}: ${wrong ? 'refused, at creation and at an update' : 'accepted'}`, async () => {
      const environment_id = await limitedTo(hosts);
      const open = () => openSession(client, { tools }, { environment_id });
      const bare = await openSession(client, { tools: [] }, { environment_id });
      const update = () => client.beta.sessions.update(bare.id, { agent: { tools } });
      if (wrong === null) {
        await open();
        assert.equal((await update()).agent.tools.length, 1);
        return;
      }
      await assert.rejects(open, refusedWith(wrong));
      await assert.rejects(update, refusedWith(wrong));
      assert.deepEqual((await client.beta.sessions.retrieve(bare.id)).agent.tools, []);
      const sessions = await client.beta.sessions.list();
      assert.equal(sessions.data.filter((session) => session.environment_id === environment_id).length, 1);
    });

  test('an agent of the roster is held to it as well', async () => {
    const member = await client.beta.agents.create({
      name: 'Member',
      model: 'scripted/demo',
      tools: fetching(['docs.example.com']),
    });
    const multiagent = { type: 'coordinator' as const, agents: [member.id] };
    const environment_id = await limitedTo(['example.com']);
    await assert.rejects(
      openSession(client, { multiagent }, { environment_id }),
      refusedWith(/^web_fetch: allowed_domains\.0: "docs\.example\.com"/),
    );
  });

  test('nothing is asked of environments that are not limited, or not on this server', async () => {
    const tools = search(['docs.example.com']);
    await openSession(client, { tools });
    const hosted = await client.beta.environments.create({
      name: `hosted ${uniqueName()}`,
      config: { type: 'self_hosted' },
    });
    await openSession(client, { tools }, { environment_id: hosted.id });
  });
});

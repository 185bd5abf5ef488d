import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { filesHolding, holds } from '../support/canary.ts';
import type { Answer, RecordingServer } from '../support/recording-server.ts';
import { startRecordingServer } from '../support/recording-server.ts';
import { serverHome } from '../support/server.ts';
import type { AgentParams } from '../support/server-sessions.ts';
import { listAll, openSession, say, toolset, uniqueName } from '../support/server-sessions.ts';
import { describeServer } from '../support/server-suite.ts';
import { openQueue } from '../support/server-work.ts';

const key = 'search-key-0123456789abcdef';
const directory = mkdtempSync(join(tmpdir(), 'anthill-search-'));
const config = join(directory, 'anthill.yaml');
const scenarios = {
  search: `rules:
  - when: { step: 0, user: '^nothing' }
    reply: [{ tool: web_search, input: {} }]
  - when: { step: 0, user: '^one letter' }
    reply: [{ tool: web_search, input: { query: ' x ' } }]
  - when: { step: 0, user: '^long' }
    reply: [{ tool: web_search, input: { query: "${'ant '.repeat(101)}" } }]
  - when: { step: 0 }
    reply: [{ tool: web_search, input: { query: leafcutter ants } }]
  - when: { step: 1, user: 'then read' }
    reply: [{ tool: web_fetch, input: { url: "https://ants.example/fungus" } }]
  - reply: [{ text: "{{last_tool_result}}" }]
`,
};
const hits = [
  { url: 'https://ants.example/fungus', title: 'Fungus', content: 'They farm.' },
  { url: 'https://www.ants.example/', title: 'Ants', content: 'They dig.' },
  { url: 'https://bees.example/', title: 'Bees', content: 'They fly.' },
];
let service: RecordingServer;
let answer: Answer = { body: { results: hits } };
before(async () => {
  service = await startRecordingServer(() => answer);
  const settings = { backend: 'searxng', url: service.url, api_key: key };
  writeFileSync(config, JSON.stringify({ web_search: settings }));
});
after(async () => {
  await service.close();
  rmSync(directory, { recursive: true });
});

describeServer(
  { name: 'web_search', scenarios, env: { ANTHILL_CONFIG: config } },
  ({ client, home, server }) => {
    type Limited = { type: 'limited'; allowed_hosts: string[] };
    const tools = (settings: object): NonNullable<AgentParams['tools']> => [
      { ...toolset, configs: [{ name: 'web_search', ...settings }] },
    ];
    async function searched(words: string, settings?: object, networking?: Limited) {
      const agent = { model: 'scripted/search', tools: settings ? tools(settings) : [toolset] };
      const environment = await client.beta.environments.create({
        name: `search ${uniqueName()}`,
        config: { type: 'cloud', ...(networking ? { networking } : {}) },
      });
      const session = await openSession(client, agent, { environment_id: environment.id });
      await say(client, session.id, words);
      const events = await listAll(client, session.id);
      const results = events.flatMap((event) => (event.type === 'agent.tool_result' ? [event] : []));
      return { session, events, results };
    }
    const shown = (result: Awaited<ReturnType<typeof searched>>['results'][number] | undefined) =>
      (result?.content ?? []).map((block) =>
        block.type === 'search_result' ? block.source : block.type === 'text' ? block.text : block.type,
      );

    test('a search is a tool use, and its results are search results', async () => {
      const { events, results } = await searched('please search');
      const use = events.find((event) => event.type === 'agent.tool_use');
      assert.ok(use?.type === 'agent.tool_use');
      assert.deepEqual([use.name, use.input], ['web_search', { query: 'leafcutter ants' }]);
      const [result] = results;
      assert.equal(result?.tool_use_id, use.id);
      assert.equal(result?.is_error, false);
      assert.deepEqual(result?.content?.[0], {
        type: 'search_result',
        source: 'https://ants.example/fungus',
        title: 'Fungus',
        content: [{ type: 'text', text: 'They farm.' }],
        citations: { enabled: false },
      });
      assert.equal(service.requests.at(-1)?.headers.authorization, `Bearer ${key}`);
    });

    test('usage counts searches, a cent each; those that fail cost nothing', async () => {
      const { session } = await searched('please search');
      const { usage } = await client.beta.sessions.retrieve(session.id);
      assert.deepEqual(usage.server_tool_use, { web_search_requests: 1, web_fetch_requests: 0 });
      assert.equal(usage.list_cost?.amount, '1');
      const failed = await searched('nothing');
      const after = await client.beta.sessions.retrieve(failed.session.id);
      assert.equal(after.usage.server_tool_use?.web_search_requests, 0);
      assert.equal(after.usage.list_cost?.amount, '0');
    });

    test('what a search has shown may be fetched, unless the agent says otherwise', async () => {
      const { results } = await searched('search, then read');
      // There is no such page; what counts is that it was tried.
      assert.match(shown(results[1])[0] ?? '', /^url_not_accessible: /);
      const sources = { name: 'web_fetch', url_sources: { server_tool_results: 'none' } } as const;
      const session = await openSession(client, {
        model: 'scripted/search',
        tools: [{ ...toolset, configs: [sources] }],
      });
      await say(client, session.id, 'search, then read');
      const refused = (await listAll(client, session.id)).filter(({ type }) => type === 'agent.tool_result');
      assert.match(JSON.stringify(refused[1]), /url_not_in_prior_context/);
    });

    test('results outside of the lists of domains, or of the environment, are dropped without a word', async () => {
      const [fungus, www, bees] = hits.map(({ url }) => url);
      const limited = (...allowed_hosts: string[]): Limited => ({ type: 'limited', allowed_hosts });
      for (const [settings, networking, expected] of [
        [{ allowed_domains: ['ants.example'] }, undefined, [fungus, www]],
        [{ allowed_domains: ['ants.example/fungus'] }, undefined, [fungus]],
        [{ blocked_domains: ['www.ants.example'] }, undefined, [fungus, bees]],
        [undefined, limited('ants.example'), [fungus]],
        [{ blocked_domains: ['bees.example'] }, limited('*.ants.example', 'bees.example'), [www]],
        [undefined, limited(), ['No results.']],
      ] as const) {
        const { results } = await searched('please search', settings, networking);
        assert.deepEqual(shown(results[0]), expected);
      }
    });

    test('a query that is none is an error, and nobody is asked', async () => {
      const asked = service.requests.length;
      for (const [words, code] of [
        ['nothing', 'invalid_input: '],
        ['one letter', 'invalid_input: '],
        ['long', 'query_too_long: '],
      ] as const) {
        const { results } = await searched(words);
        assert.equal(results[0]?.is_error, true);
        assert.ok(shown(results[0])[0]?.startsWith(code), code);
      }
      assert.equal(service.requests.length, asked);
    });

    test('a service that fails is an error, and the session goes on', async () => {
      answer = { status: 500, body: { error: `no ${key}` } };
      const { events, results } = await searched('please search');
      answer = { body: { results: hits } };
      assert.deepEqual(shown(results[0]), ['unavailable: the search service answered HTTP 500']);
      assert.ok(events.some((event) => event.type === 'agent.message'));
    });

    test('it asks when it is to, is not there when it is disabled, and runs here when workers have the sandboxes', async () => {
      const asking = await searched('please search', { permission_policy: { type: 'always_ask' } });
      assert.deepEqual(asking.results, []);
      const disabled = await searched('please search', { enabled: false });
      assert.match(shown(disabled.results[0])[0] ?? '', /not available/);
      const queue = await openQueue(server);
      const session = await queue.open({ model: 'scripted/search' });
      await say(client, session.id, 'please search');
      const events = await listAll(client, session.id);
      assert.ok(events.some((event) => event.type === 'agent.tool_result' && event.is_error === false));
    });

    test('the key is in nothing that was said or kept', () => {
      assert.equal(holds(server.output(), [key]), false);
      assert.deepEqual(filesHolding(home.dataDir, [key]), []);
    });
  },
);

describe('web_search of a server that has nothing to search with', () => {
  const home = serverHome(scenarios);
  after(() => home.remove());

  test('says so, and who can change it', async () => {
    const { client } = await home.start();
    const session = await openSession(client, { model: 'scripted/search', tools: [toolset] });
    await say(client, session.id, 'please search');
    const [result] = (await listAll(client, session.id)).filter(({ type }) => type === 'agent.tool_result');
    assert.match(JSON.stringify(result), /unavailable: .*who runs it can set web_search in anthill\.yaml/);
  });

  test('does not start with settings that cannot work', async () => {
    const { code, stderr } = await home.refusedStart({ ANTHILL_WEB_SEARCH_BACKEND: 'brave' });
    assert.equal(code, 2);
    assert.match(stderr, /web_search\.api_key: brave needs one/);
  });
});

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { WireBlock } from '../../src/domain/model.ts';
import {
  blockEvents,
  inputDeltas,
  messageEnd,
  messageStart,
  sse,
  textDeltas,
} from '../support/model-stream.ts';
import type { Answer, RecordingServer } from '../support/recording-server.ts';
import { startRecordingServer } from '../support/recording-server.ts';
import { listAll, openSession, say, spoken, toolset, uniqueName } from '../support/server-sessions.ts';
import { describeServer } from '../support/server-suite.ts';

const directory = mkdtempSync(join(tmpdir(), 'anthill-provider-'));
const config = join(directory, 'anthill.yaml');
const hit = {
  type: 'web_search_result',
  url: 'https://ants.example/',
  title: 'Ants',
  encrypted_content: 'EqgfCioIARgBIiQ3YTAwMjY1Mi1m',
  page_age: '2 days ago',
};
const search: WireBlock = {
  type: 'server_tool_use',
  id: 'srvtoolu_1',
  name: 'web_search',
  input: { query: 'ants' },
};
const found: WireBlock = { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [hit] };
const citation = {
  type: 'web_search_result_location',
  url: hit.url,
  title: 'Ants',
  encrypted_index: 'Eo8BCioIAhgBIiQyYjQ0OWJmZi1l',
  cited_text: 'They dig.',
};

/** A provider that searches in the middle of a reply, and pauses there when the user asks for it. */
function provider({ body }: { readonly body: unknown }): Answer {
  const { messages } = Object(body);
  const last = messages.at(-1);
  const isGoingOn = last.role === 'assistant';
  const words = JSON.stringify(last.content);
  const usage = { output_tokens: 5, server_tool_use: { web_search_requests: 1, web_fetch_requests: 0 } };
  const end = (stop: string) => [
    { type: 'message_delta', delta: { stop_reason: stop, stop_sequence: null }, usage },
    { type: 'message_stop' },
  ];
  const calls = blockEvents(0, { ...search, input: {} }, inputDeltas('{"query":', '"ants"}'));
  const answers = (from: number) => [
    ...blockEvents(from, found, []),
    ...blockEvents(from + 1, { type: 'text', text: '' }, [
      ...textDeltas('They ', 'dig.'),
      { type: 'citations_delta', citation },
    ]),
  ];
  const events = isGoingOn
    ? [...answers(0), ...end('end_turn')]
    : words.includes('pause')
      ? [...calls, ...messageEnd('pause_turn')]
      : words.includes('search')
        ? [...calls, ...answers(1), ...end('end_turn')]
        : [...blockEvents(0, { type: 'text', text: '' }, textDeltas('Fine.')), ...messageEnd('end_turn')];
  return { headers: { 'content-type': 'text/event-stream' }, body: sse([messageStart, ...events]) };
}

let upstream: RecordingServer;
before(async () => {
  upstream = await startRecordingServer(provider);
  const settings = {
    base_url: upstream.url,
    profile: 'anthropic',
    server_tools: ['web_search', 'web_fetch'],
  };
  writeFileSync(config, JSON.stringify({ upstream: settings }));
});
after(async () => {
  await upstream.close();
  rmSync(directory, { recursive: true });
});

describeServer({ name: 'web tools of the provider', env: { ANTHILL_CONFIG: config } }, ({ client }) => {
  const open = async (networking?: { type: 'limited'; allowed_hosts: string[] }) => {
    upstream.requests.length = 0;
    const environment = await client.beta.environments.create({
      name: `provider ${uniqueName()}`,
      config: { type: 'cloud', ...(networking ? { networking } : {}) },
    });
    const domains = { name: 'web_search' as const, allowed_domains: ['ants.example'] };
    const agent = { model: 'claude-opus-5-5', tools: [{ ...toolset, configs: [domains] }] };
    return await openSession(client, agent, { environment_id: environment.id });
  };
  const toolsSent = () =>
    (Object(upstream.requests[0]?.body).tools as { type?: string; name: string }[]).filter(({ name }) =>
      name.startsWith('web_'),
    );

  for (const words of ['search for ants', 'search for ants, with a pause'])
    test(`"${words}": the search is in the session's events, and goes back as it came`, async () => {
      const session = await open();
      await say(client, session.id, words);
      const events = await listAll(client, session.id);
      const uses = events.flatMap((event) => (event.type === 'agent.tool_use' ? [event] : []));
      const results = events.flatMap((event) => (event.type === 'agent.tool_result' ? [event] : []));
      assert.deepEqual(
        uses.map(({ name, input }) => [name, input]),
        [['web_search', { query: 'ants' }]],
      );
      assert.deepEqual(
        results.map(({ tool_use_id, is_error, content }) => [tool_use_id, is_error, content]),
        [
          [
            uses[0]?.id,
            false,
            [
              {
                type: 'search_result',
                source: hit.url,
                title: 'Ants',
                content: [{ type: 'text', text: '2 days ago' }],
                citations: { enabled: false },
              },
            ],
          ],
        ],
      );
      assert.equal(spoken(events), 'They dig.');
      await say(client, session.id, 'thanks');
      const { messages } = Object(upstream.requests.at(-1)?.body);
      assert.deepEqual(messages[1], {
        role: 'assistant',
        content: [search, found, { type: 'text', text: 'They dig.', citations: [citation] }],
      });
      const { usage, status } = await client.beta.sessions.retrieve(session.id);
      assert.equal(status, 'idle');
      assert.equal(usage.server_tool_use?.web_search_requests, 1);
    });

  test('the provider gets the settings of the agent', async () => {
    const session = await open();
    await say(client, session.id, 'hello');
    assert.deepEqual(toolsSent(), [
      { type: 'web_fetch_20250910', name: 'web_fetch' },
      { type: 'web_search_20250305', name: 'web_search', allowed_domains: ['ants.example'] },
    ]);
  });

  test('a limited environment is kept by the server, which runs the tools itself', async () => {
    const session = await open({ type: 'limited', allowed_hosts: ['*.ants.example', 'ants.example'] });
    await say(client, session.id, 'hello');
    assert.deepEqual(
      toolsSent().map(({ type, name }) => [type, name]),
      [
        [undefined, 'web_fetch'],
        [undefined, 'web_search'],
      ],
    );
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PureSession } from '../../../test/support/pure-session.ts';
import { message, pureSession, text, usage } from '../../../test/support/pure-session.ts';
import type { AgentToolParams, ToolConfigParams } from '../../protocol/agent-tools.ts';
import type { WireBlock } from '../model.ts';
import { contextOf } from '../session/context.ts';
import { recordReply } from '../session/replies.ts';
import type { ProviderTool } from './provider-tools.ts';
import { providerToolNames } from './provider-tools.ts';
import { fetchAsked } from './web-fetch.ts';

const call = (id: string, name: string, input: object): WireBlock => ({
  type: 'server_tool_use',
  id,
  name,
  input,
});
const hit = (url: string, more: object = {}) => ({
  type: 'web_search_result',
  url,
  title: 'Ants',
  encrypted_content: 'sealed',
  page_age: null,
  ...more,
});
const found = (id: string, content: unknown): WireBlock => ({
  type: 'web_search_tool_result',
  tool_use_id: id,
  content,
});
const fetched = (id: string, content: unknown): WireBlock => ({
  type: 'web_fetch_tool_result',
  tool_use_id: id,
  content,
});
const search = call('s1', 'web_search', { query: 'ants' });
const ants = 'https://ants.example/';

function asked(words = 'look it up'): PureSession {
  const session = pureSession();
  session.send(message(words));
  session.advance();
  return session;
}

function reply(session: PureSession, stopReason: string, ...content: WireBlock[]) {
  session.decide((draft) =>
    recordReply(draft, {
      requestId: draft.state().round.openRequest ?? '',
      reply: {
        type: 'reply',
        content,
        stopReason,
        refusal: null,
        usage,
        servedBy: 'claude-opus-5-5',
        malformed: [],
      },
      previewed: new Map(),
      costMicroCents: 0,
    }),
  );
}

const toolEvents = (session: PureSession) =>
  session.events().filter(({ type }) => type === 'agent.tool_use' || type === 'agent.tool_result');

describe('the tools of an agent that its provider runs', () => {
  const withConfigs = (...configs: ToolConfigParams[]): AgentToolParams[] => [
    { type: 'agent_toolset_20260401', configs },
  ];
  const offered = (tools: AgentToolParams[], providers: readonly ProviderTool[] = providerToolNames) =>
    contextOf(pureSession(tools).state(), { providers, canSearch: true })
      .tools.filter(({ name }) => name.startsWith('web_'))
      .map(({ description: _, input_schema, ...tool }) => ({ ...tool, isOwn: input_schema !== undefined }));
  const own = (name: string) => ({ name, isOwn: true });
  const their = (name: ProviderTool, more: object = {}) => ({
    type: name === 'web_search' ? 'web_search_20250305' : 'web_fetch_20250910',
    name,
    isOwn: false,
    ...more,
  });

  test('carry their settings; the others are the server’s', () => {
    const [fetch, searching] = [their('web_fetch'), their('web_search')];
    const domains = { allowed_domains: ['ants.example'] };
    const location = { type: 'approximate', city: null, country: 'BR' } as const;
    const cases: readonly (readonly [AgentToolParams[], readonly ProviderTool[], readonly object[]])[] = [
      [withConfigs(), providerToolNames, [fetch, searching]],
      [withConfigs(), ['web_search'], [own('web_fetch'), searching]],
      [withConfigs(), [], [own('web_fetch'), own('web_search')]],
      [withConfigs({ name: 'web_search', enabled: false }), providerToolNames, [fetch]],
      [
        withConfigs({ name: 'web_search', permission_policy: { type: 'always_ask' } }),
        providerToolNames,
        [fetch, own('web_search')],
      ],
      [
        withConfigs(
          { name: 'web_search', ...domains, user_location: location },
          { name: 'web_fetch', blocked_domains: ['bees.example'], max_content_tokens: 500 },
        ),
        providerToolNames,
        [
          their('web_fetch', { blocked_domains: ['bees.example'], max_content_tokens: 500 }),
          their('web_search', { ...domains, user_location: { type: 'approximate', country: 'BR' } }),
        ],
      ],
      [
        withConfigs({ name: 'web_fetch', url_sources: { user_input: 'none' } }),
        providerToolNames,
        [own('web_fetch'), searching],
      ],
    ];
    for (const [tools, providers, expected] of cases) assert.deepEqual(offered(tools, providers), expected);
  });
});

describe('a call that the provider made', () => {
  test('is a tool use with its result, which nobody has to run or to answer', () => {
    const session = asked();
    reply(session, 'end_turn', text('Let me see.'), search, found('s1', [hit(ants)]), text('They dig.'));
    const [use, result] = toolEvents(session);
    assert.ok(use?.type === 'agent.tool_use' && result?.type === 'agent.tool_result');
    assert.deepEqual(
      [use.name, use.input, use.evaluated_permission, use.evaluation],
      ['web_search', { query: 'ants' }, 'allow', { type: 'always_allow' }],
    );
    assert.equal(result.tool_use_id, use.id);
    assert.deepEqual(result.content, [
      { type: 'search_result', source: ants, title: 'Ants', content: [], citations: { enabled: false } },
    ]);
    assert.deepEqual(session.state().round.calls, []);
    assert.equal(session.advance().type, 'rest');
    assert.deepEqual(
      session.types().filter((type) => type.startsWith('agent.')),
      ['agent.message', 'agent.tool_use', 'agent.tool_result', 'agent.message'],
    );
  });

  test('goes back to the provider as it came', () => {
    const session = asked();
    const content = [search, found('s1', [hit(ants)]), text('They dig.')];
    reply(session, 'end_turn', ...content);
    session.advance();
    session.send(message('more'));
    assert.deepEqual(contextOf(session.state()).messages[1], { role: 'assistant', content });
  });

  test('of a reply that paused is told with its result, once', () => {
    const session = asked();
    reply(session, 'pause_turn', text('Let me see.'), search);
    assert.deepEqual(toolEvents(session), []);
    assert.equal(session.advance().type, 'request');
    assert.equal(contextOf(session.state()).messages.at(-1)?.role, 'assistant');
    reply(session, 'end_turn', found('s1', [hit(ants)]), text('They dig.'));
    assert.deepEqual(
      toolEvents(session).map(({ type }) => type),
      ['agent.tool_use', 'agent.tool_result'],
    );
    assert.deepEqual(
      contextOf(session.state()).messages.map(({ content }) => content.length),
      [1, 4],
    );
    assert.equal(session.advance().type, 'rest');
  });

  const results: readonly (readonly [name: string, block: WireBlock, isError: boolean, content: unknown])[] =
    [
      [
        'a search that failed',
        found('c', { type: 'web_search_tool_result_error', error_code: 'max_uses_exceeded' }),
        true,
        [{ type: 'text', text: 'max_uses_exceeded' }],
      ],
      [
        'a search with the age of a page, and a hit without a title',
        found('c', [hit(ants, { page_age: 'May 1' }), hit(ants, { title: '' })]),
        false,
        ['Ants', ants].map((title, index) => ({
          type: 'search_result',
          source: ants,
          title,
          content: index === 0 ? [{ type: 'text', text: 'May 1' }] : [],
          citations: { enabled: false },
        })),
      ],
      ['a search that found nothing', found('c', []), false, []],
      [
        'a page',
        fetched('c', {
          type: 'web_fetch_result',
          url: ants,
          content: { type: 'document', title: 'Ants', source: { type: 'text', data: 'They dig.' } },
        }),
        false,
        [{ type: 'text', text: `Ants\n${ants}\n\nThey dig.` }],
      ],
      [
        'a PDF',
        fetched('c', {
          type: 'web_fetch_result',
          url: ants,
          content: {
            type: 'document',
            source: { type: 'base64', media_type: 'application/pdf', data: 'JVBE' },
          },
        }),
        false,
        [
          {
            type: 'document',
            title: ants,
            source: { type: 'base64', media_type: 'application/pdf', data: 'JVBE' },
          },
        ],
      ],
      [
        'a page that could not be fetched',
        fetched('c', { type: 'web_fetch_tool_result_error', error_code: 'url_not_accessible' }),
        true,
        [{ type: 'text', text: 'url_not_accessible' }],
      ],
      ['something unknown', fetched('c', 7), false, [{ type: 'text', text: '(no content)' }]],
    ];
  for (const [name, block, isError, content] of results) {
    test(`can be ${name}`, () => {
      const session = asked();
      const tool = block.type === 'web_fetch_tool_result' ? 'web_fetch' : 'web_search';
      reply(session, 'end_turn', call('c', tool, {}), block);
      const [, result] = toolEvents(session);
      assert.ok(result?.type === 'agent.tool_result');
      assert.deepEqual([result.is_error, result.content], [isError, content]);
    });
  }

  test('without a call, or with one that is no web tool, is nobody’s business', () => {
    const session = asked();
    reply(session, 'end_turn', found('nobody', []), call('c', 'code', {}), found('c', []), text('Hm.'));
    assert.deepEqual(toolEvents(session), []);
  });

  test('shows URLs that the server may fetch', () => {
    const session = asked();
    assert.ok('isError' in fetchAsked(session.state(), { url: ants }));
    reply(session, 'end_turn', search, found('s1', [hit(ants)]), text('They dig.'));
    assert.ok('url' in fetchAsked(session.state(), { url: ants }));
  });
});

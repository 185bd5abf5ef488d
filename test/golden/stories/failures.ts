import type { Story } from '../../simulation/scenarios.ts';
import { message } from '../../support/pure-session.ts';
import { idle, inRequest, slowly, speak, stopped, toolset } from './acts.ts';

export const failureStories: readonly Story[] = [
  {
    name: 'an overloaded model that recovers',
    setting: {
      tools: [],
      scenario: 'rules: [{ fail: { status: 529, times: 2 }, reply: [{ text: at last }] }]',
    },
    play: async (world) => {
      await world.send(message('go'));
      await world.until((state) => idle(state) && state.conversation.length === 2);
    },
  },
  {
    name: 'a model that stays overloaded',
    setting: { tools: [], scenario: 'rules: [{ fail: { status: 529 } }]' },
    play: async (world) => {
      await world.send(message('go'));
      await world.until((state) => idle(state) && state.stopReason?.type === 'retries_exhausted');
    },
  },
  {
    name: 'a model request that cannot succeed',
    setting: { tools: [], scenario: 'rules: [{ fail: { status: 400, message: bad } }]' },
    play: async (world) => {
      await world.send(message('go'));
      await world.until((state) => idle(state) && state.stopReason?.type === 'retries_exhausted');
    },
  },
  {
    name: 'an unreachable MCP server',
    setting: {
      tools: [{ type: 'mcp_toolset', mcp_server_name: 'linear' }],
      agent: { mcp_servers: [{ type: 'url', name: 'linear', url: 'https://mcp.linear.app/sse' }] },
      scenario: 'rules: [{ reply: [{ text: without it }] }]',
    },
    async play(world) {
      await speak(world, message('one'));
      await speak(world, message('two'));
    },
  },
  {
    name: 'a model that is asked too often, and says when to come back',
    setting: {
      tools: [],
      scenario: 'rules: [{ fail: { status: 429, retry_after: 7, times: 1 }, reply: [{ text: at last }] }]',
    },
    play: async (world) => {
      await world.send(message('go'));
      await world.until((state) => idle(state) && state.conversation.length === 2);
    },
  },
  {
    name: 'a model whose server fails once',
    setting: {
      tools: [],
      scenario: 'rules: [{ fail: { status: 500, times: 1 }, reply: [{ text: at last }] }]',
    },
    play: async (world) => {
      await world.send(message('go'));
      await world.until((state) => idle(state) && state.conversation.length === 2);
    },
  },
  {
    name: 'a bill that is not paid',
    setting: { tools: [], scenario: 'rules: [{ fail: { status: 402, message: no credit } }]' },
    play: async (world) => {
      await world.send(message('go'));
      await stopped(world, 'retries_exhausted');
    },
  },
  {
    name: 'a key that the provider does not know',
    setting: { tools: [], scenario: 'rules: [{ fail: { status: 401, message: invalid x-api-key } }]' },
    play: async (world) => {
      await world.send(message('go'));
      await stopped(world, 'retries_exhausted');
    },
  },
  {
    name: 'a stream that always breaks off',
    setting: { tools: [], scenario: 'rules: [{ reply: [{ text: half of it }], cut_after_events: 4 }]' },
    play: async (world) => {
      await world.send(message('go'));
      await stopped(world, 'retries_exhausted');
    },
  },
  {
    name: 'a message behind a turn that fails',
    setting: {
      tools: [],
      scenario: `
rules:
  - when: { user: third }
    reply: [{ text: done }]
  - fail: { status: 400, message: bad, ${slowly} }`,
    },
    async play(world) {
      await world.send(message('first'));
      await inRequest(world);
      await world.send(message('second'));
      await stopped(world, 'retries_exhausted');
      await speak(world, message('third'));
    },
  },
  {
    name: 'a prompt that is too long',
    setting: {
      tools: [],
      scenario: `
rules:
  - when: { user: '<conversation>' }
    reply: [{ text: They talked. }]
  - when: { user: was summarized }
    reply: [{ text: done }]
  - fail: { status: 400, message: 'prompt is too long: 300000 tokens > 200000 maximum' }`,
    },
    play: async (world) => {
      await world.send(message('go'));
      await stopped(world, 'end_turn');
    },
  },
  {
    name: 'a prompt that stays too long',
    setting: {
      tools: [],
      scenario: `
rules:
  - when: { user: '^<conversation>' }
    reply: [{ text: They talked. }]
  - fail: { status: 400, message: prompt is too long }`,
    },
    play: async (world) => {
      await world.send(message('go'));
      await stopped(world, 'retries_exhausted');
    },
  },
  {
    name: 'a prompt that is too long even to be summarized',
    setting: { tools: [], scenario: 'rules: [{ fail: { status: 400, message: prompt is too long } }]' },
    play: async (world) => {
      await world.send(message('go'));
      await stopped(world, 'retries_exhausted');
    },
  },
  {
    name: 'a conversation that fills the window',
    setting: {
      tools: [],
      contextTokensMax: 1_000,
      scenario: `
rules:
  - when: { user: '^<conversation>' }
    reply: [{ text: They talked. }]
  - reply: [{ text: hello }]
    usage: { input_tokens: 900 }`,
    },
    async play(world) {
      await speak(world, message('one'));
      await world.send(message('two'));
      await world.until((state) => idle(state) && state.conversation.length > 2);
    },
  },
  {
    name: 'a summary without a word',
    setting: {
      tools: [],
      scenario: `
rules:
  - when: { user: '^<conversation>' }
    reply: []
  - fail: { status: 400, message: prompt is too long }`,
    },
    play: async (world) => {
      await world.send(message('go'));
      await stopped(world, 'retries_exhausted');
    },
  },
  {
    name: 'a repository that cannot be cloned',
    setting: {
      tools: [toolset],
      resources: [
        {
          id: 'sesrsc_1',
          type: 'github_repository',
          url: 'https://github.com/acme/tools',
          mount_path: '/workspace/tools',
          checkout: null,
          created_at: '2026-10-01T00:00:00.000000Z',
          updated_at: '2026-10-01T00:00:00.000000Z',
        },
      ],
      scenario: 'rules: [{ reply: [{ text: hello }] }]',
    },
    async play(world) {
      await speak(world, message('one'));
      await speak(world, message('two'));
    },
  },
];

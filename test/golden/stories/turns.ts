import { waitingCalls } from '../../../src/domain/session/state.ts';
import type { Story } from '../../simulation/scenarios.ts';
import { customTool, message } from '../../support/pure-session.ts';
import { mcpWith } from '../../support/world-mcp.ts';
import { answer, asked, idle, inRequest, oneCall, slowly, speak, systemSays, toolset } from './acts.ts';

export const turnStories: readonly Story[] = [
  {
    name: 'initial events start the first turn',
    setting: {
      tools: [],
      scenario: 'rules: [{ reply: [{ text: hello }] }]',
      initialEvents: [message('one'), message('two')],
    },
    play: async (world) =>
      void (await world.until((state) => idle(state) && state.conversation.length === 3)),
  },
  {
    name: 'a reply of thinking, text and a tool',
    setting: {
      tools: [toolset],
      scenario: `
rules:
  - when: { step: 0 }
    reply: [{ thinking: hm }, { text: a }, { text: b }, { tool: read, input: { file_path: a } }]
  - reply: [{ text: done }]`,
    },
    play: async (world) => void (await speak(world, message('go'))),
  },
  {
    name: 'a tool that fails',
    setting: {
      tools: [toolset],
      scenario: oneCall,
      tool: async () => ({ content: [{ type: 'text', text: 'exit 1' }], isError: true }),
    },
    play: async (world) => void (await speak(world, message('go'))),
  },
  {
    name: 'unknown, disabled and malformed calls',
    setting: {
      tools: [{ ...toolset, configs: [{ name: 'write', enabled: false }] }],
      scenario: `
rules:
  - when: { step: 0 }
    reply: [{ tool: nonsense }, { tool: write, input: { file_path: a, content: b } }, { tool: bash, malformed_input: '{"command": ' }]
  - reply: [{ text: done }]`,
    },
    play: async (world) => void (await speak(world, message('go'))),
  },
  {
    name: 'a refusal',
    setting: {
      tools: [],
      scenario: `
rules:
  - when: { user: again }
    reply: [{ text: fine }]
  - reply: [{ text: I cannot }]
    stop_reason: refusal
    stop_details: { category: cyber, explanation: no }`,
    },
    async play(world) {
      await world.send(message('go'));
      await world.until((state) => idle(state) && state.stopReason?.type === 'refusal');
      await speak(world, message('again'));
    },
  },
  {
    name: 'a model that pauses its turn',
    setting: {
      tools: [],
      scenario: `
rules:
  - when: { step: 0 }
    reply: [{ text: half }]
    stop_reason: pause_turn
  - reply: [{ text: done }]`,
    },
    play: async (world) => {
      await world.send(message('go'));
      await world.until((state) => idle(state) && state.conversation.length === 3);
    },
  },
  {
    name: 'a reply without a word',
    setting: {
      tools: [],
      scenario: 'rules: [{ when: { user: again }, reply: [{ text: done }] }, { reply: [] }]',
    },
    async play(world) {
      await speak(world, message('go'));
      await speak(world, message('again'));
    },
  },
  {
    name: 'a reply that ends at its limit of tokens',
    setting: { tools: [], scenario: 'rules: [{ reply: [{ text: half a }], stop_reason: max_tokens }]' },
    play: async (world) => void (await speak(world, message('go'))),
  },
  {
    name: 'a message during a request',
    setting: {
      tools: [],
      scenario: `
rules:
  - when: { user: again }
    reply: [{ text: done }]
  - reply: [{ text: one }]
    ${slowly}`,
    },
    async play(world) {
      await world.send(message('go'));
      await inRequest(world);
      await world.send(message('again'));
      await world.until((state) => idle(state) && state.conversation.length === 4);
    },
  },
  {
    name: 'a message during a reply that is refused',
    setting: {
      tools: [],
      scenario: `
rules:
  - when: { user: again }
    reply: [{ text: fine }]
  - reply: [{ text: I cannot }]
    stop_reason: refusal
    ${slowly}`,
    },
    async play(world) {
      await world.send(message('go'));
      await inRequest(world);
      await world.send(message('again'));
      await world.until((state) => idle(state) && state.stopReason?.type === 'end_turn');
    },
  },
  {
    name: 'a refused reply that called tools',
    setting: {
      tools: [toolset],
      scenario: `
rules:
  - reply: [{ text: I, }, { tool: bash, input: { command: a } }]
    stop_reason: refusal
    stop_details: { category: bio }`,
    },
    async play(world) {
      await world.send(message('go'));
      await world.until((state) => idle(state) && state.stopReason?.type === 'refusal');
    },
  },
  {
    name: 'a system message behind a message, and one alone',
    setting: { tools: [], scenario: 'rules: [{ reply: [{ text: hello }] }]' },
    async play(world) {
      await speak(world, message('one'), systemSays('be brief'));
      await world.send(systemSays('be briefer'));
      await speak(world, message('two'));
    },
  },
  {
    name: 'a system message behind a result',
    setting: {
      tools: [customTool],
      scenario: 'rules: [{ when: { step: 0 }, reply: [{ tool: weather }] }, { reply: [{ text: done }] }]',
    },
    async play(world) {
      await world.send(message('go'));
      const [call] = waitingCalls(await asked(world, 1));
      await speak(world, answer(call?.eventId, 'sunny'), systemSays('be brief'));
    },
  },
  {
    name: 'images, documents and files in messages',
    setting: { tools: [], scenario: 'rules: [{ reply: [{ text: seen }] }]' },
    async play(world) {
      const data = 'iVBORw0KGgo=';
      await speak(world, {
        type: 'user.message',
        content: [
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data } },
          { type: 'document', title: 'a', source: { type: 'text', media_type: 'text/plain', data: 'b' } },
          { type: 'text', text: 'look' },
        ],
      });
      const file_id = 'file_1';
      await world.putFile(file_id, 'a.csv', '1,2');
      await speak(world, {
        type: 'user.message',
        content: [{ type: 'document', source: { type: 'file', file_id } }],
      });
    },
  },
  {
    name: 'unreadable input for tools of clients and servers',
    setting: {
      tools: [
        customTool,
        { type: 'mcp_toolset', mcp_server_name: 'linear' },
        { ...toolset, default_config: { permission_policy: { type: 'always_ask' } } },
      ],
      agent: { mcp_servers: [{ type: 'url', name: 'linear', url: 'https://mcp.linear.app/sse' }] },
      mcp: mcpWith('find'),
      scenario: `
rules:
  - when: { step: 0 }
    reply: [{ tool: weather, malformed_input: '{"city": ' }, { tool: mcp__linear__find, malformed_input: '[1]' }, { tool: bash, malformed_input: 'ls' }]
  - reply: [{ text: done }]`,
    },
    play: async (world) => void (await speak(world, message('go'))),
  },
  {
    name: 'a tool that says nothing',
    setting: {
      tools: [toolset],
      scenario:
        'rules: [{ when: { step: 0 }, reply: [{ tool: bash, input: { command: a } }] }, { reply: [{ text: done }] }]',
      tool: async () => ({ content: [], isError: true }),
    },
    play: async (world) => void (await speak(world, message('go'))),
  },
];

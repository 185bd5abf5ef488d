import type { Mcp } from '../../../src/domain/mcp.ts';
import { waitingCalls } from '../../../src/domain/session/state.ts';
import type { Story } from '../../simulation/scenarios.ts';
import { customTool, message } from '../../support/pure-session.ts';
import { ok } from '../../support/world.ts';
import { mcpWith } from '../../support/world-mcp.ts';
import { allow, answer, asked, asking, deny, idle, oneCall, speak, toolset, twoCalls } from './acts.ts';

const judged = { ...toolset, default_config: { permission_policy: { type: 'auto' as const } } };
const linear = {
  tools: [{ type: 'mcp_toolset' as const, mcp_server_name: 'linear' }],
  agent: {
    mcp_servers: [{ type: 'url' as const, name: 'linear', url: 'https://mcp.linear.app/sse' }],
  },
};
const finding = `
rules:
  - when: { step: 0 }
    reply: [{ tool: mcp__linear__find, input: { text: ant } }]
  - reply: [{ text: done }]`;
const refusing: Mcp = {
  connect: async () => ({
    tools: [],
    errors: [
      {
        type: 'mcp_authentication_failed_error',
        mcp_server_name: 'linear',
        message: 'MCP server "linear" refused the token.',
        retry_status: { type: 'retrying' },
      },
    ],
    call: async () => ok('never'),
    close: async () => {},
  }),
};
const threeCustomCalls = `
rules:
  - when: { step: 0 }
    reply: [{ tool: weather, input: { city: a } }, { tool: bash, input: { command: b } }, { tool: weather, input: { city: c } }]
  - reply: [{ text: done }]`;

export const permissionStories: readonly Story[] = [
  {
    name: 'an allowed call runs while another waits for permission',
    setting: {
      tools: [{ ...toolset, configs: [{ name: 'write', permission_policy: { type: 'always_ask' } }] }],
      scenario: `
rules:
  - when: { step: 0 }
    reply: [{ tool: write, input: { file_path: a, content: b } }, { tool: bash, input: { command: b } }]
  - reply: [{ text: done }]`,
    },
    async play(world) {
      await world.send(message('go'));
      const [write] = waitingCalls(await asked(world, 1));
      await speak(world, allow(write?.eventId));
    },
  },
  {
    name: 'two permissions asked for, given in the wrong order',
    setting: { tools: [asking], scenario: twoCalls },
    async play(world) {
      await world.send(message('go'));
      const [first, second] = waitingCalls(await asked(world, 2));
      await world.send(allow(second?.eventId));
      await world.send(allow(first?.eventId));
      await world.until((state) => idle(state) && state.round.calls.length === 0);
    },
  },
  {
    name: 'a permission denied without a word',
    setting: { tools: [asking], scenario: oneCall },
    async play(world) {
      await world.send(message('go'));
      const [call] = waitingCalls(await asked(world, 1));
      await speak(world, deny(call?.eventId));
    },
  },
  {
    name: 'an answer and a message in one batch',
    setting: { tools: [asking], scenario: oneCall },
    async play(world) {
      await world.send(message('go'));
      const [call] = waitingCalls(await asked(world, 1));
      await speak(world, allow(call?.eventId), message('again'));
    },
  },
  {
    name: 'a custom tool that failed',
    setting: {
      tools: [customTool],
      scenario: `
rules:
  - when: { step: 0 }
    reply: [{ tool: weather, input: { city: a } }]
  - reply: [{ text: '{{last_tool_result}}' }]`,
    },
    async play(world) {
      await world.send(message('go'));
      const [call] = waitingCalls(await asked(world, 1));
      await speak(world, {
        type: 'user.custom_tool_result',
        custom_tool_use_id: call?.eventId ?? '',
        content: [{ type: 'text', text: 'no weather' }],
        is_error: true,
      });
    },
  },
  {
    name: 'confirmations and a result in one batch',
    setting: {
      tools: [asking, customTool],
      scenario: `
rules:
  - when: { step: 0 }
    reply: [{ tool: bash, input: { command: a } }, { tool: weather, input: { city: b } }, { tool: bash, input: { command: c } }]
  - reply: [{ text: done }]`,
    },
    async play(world) {
      await world.send(message('go'));
      const [first, weather, last] = waitingCalls(await asked(world, 3));
      await speak(
        world,
        deny(first?.eventId, 'not this'),
        answer(weather?.eventId, 'sunny'),
        allow(last?.eventId),
      );
    },
  },
  {
    name: 'three answers, one by one, the last call first',
    setting: { tools: [asking, customTool], scenario: threeCustomCalls },
    async play(world) {
      await world.send(message('go'));
      const [first, second, third] = waitingCalls(await asked(world, 3));
      await world.send(answer(third?.eventId, 'rainy'));
      await asked(world, 2);
      await world.send(allow(second?.eventId));
      await asked(world, 1);
      await speak(world, answer(first?.eventId, 'sunny'));
    },
  },
  {
    name: 'the first of two permissions, then the second',
    setting: { tools: [asking], scenario: twoCalls },
    async play(world) {
      await world.send(message('go'));
      const [first, second] = waitingCalls(await asked(world, 2));
      await world.send(deny(first?.eventId));
      await asked(world, 1);
      await speak(world, deny(second?.eventId));
    },
  },
  customToolAnsweredDuringAnother(),
  {
    name: 'calls that are judged',
    setting: {
      tools: [judged],
      judge: `
rules:
  - when: { user: 'command.*ls' }
    reply: [{ text: ALLOW }]
  - when: { user: 'command.*curl' }
    reply: [{ text: DENY }]
  - reply: [{ text: well }]`,
      scenario: `
rules:
  - when: { step: 0 }
    reply: [{ tool: bash, input: { command: ls } }, { tool: bash, input: { command: curl } }, { tool: bash, input: { command: dd } }]
  - reply: [{ text: done }]`,
    },
    async play(world) {
      await world.send(message('go'));
      const [call] = waitingCalls(await asked(world, 1));
      await speak(world, allow(call?.eventId));
    },
  },
  {
    name: 'a judge that cannot be reached',
    setting: { tools: [judged], judge: 'rules: [{ fail: { status: 529 } }]', scenario: oneCall },
    async play(world) {
      await world.send(message('go'));
      const [call] = waitingCalls(await asked(world, 1));
      await speak(world, deny(call?.eventId));
    },
  },
  {
    name: 'a judge that is not paid',
    setting: { tools: [judged], judge: 'rules: [{ fail: { status: 402 } }]', scenario: oneCall },
    play: async (world) => void (await speak(world, message('go'))),
  },
  {
    name: 'a call of an MCP tool that asks',
    setting: { ...linear, mcp: mcpWith('find'), scenario: finding },
    async play(world) {
      await world.send(message('go'));
      const [call] = waitingCalls(await asked(world, 1));
      await speak(world, allow(call?.eventId));
    },
  },
  {
    name: 'a call of an MCP tool that no client allows, then an interrupt',
    setting: { ...linear, mcp: mcpWith('find'), scenario: finding },
    async play(world) {
      await world.send(message('go'));
      await asked(world, 1);
      await world.send({ type: 'user.interrupt' });
      await world.until((state) => idle(state) && state.stopReason?.type === 'end_turn');
    },
  },
  {
    name: 'a call of a tool whose MCP server refuses the token',
    setting: { ...linear, mcp: refusing, scenario: finding },
    play: async (world) => void (await speak(world, message('go'))),
  },
];

/** The answer arrives before the session is idle, so it never is. */
function customToolAnsweredDuringAnother(): Story {
  const answered = Promise.withResolvers<void>();
  return {
    name: 'a custom tool answered while another tool runs',
    setting: {
      tools: [toolset, customTool],
      scenario: `
rules:
  - when: { step: 0 }
    reply: [{ tool: weather, input: { city: a } }, { tool: bash, input: { command: b } }]
  - reply: [{ text: done }]`,
      tool: async () => {
        await answered.promise;
        return ok('done at last');
      },
    },
    async play(world) {
      await world.send(message('go'));
      const state = await world.until(({ round }) => round.calls.some(({ status }) => status === 'started'));
      await world.send(answer(waitingCalls(state)[0]?.eventId, 'sunny'));
      answered.resolve();
      await world.until((then) => idle(then) && then.conversation.length === 5);
    },
  };
}

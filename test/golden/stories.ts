import { archiveSession, updateSession } from '../../src/domain/session/lifecycle.ts';
import type { SessionState } from '../../src/domain/session/state.ts';
import { waitingCalls } from '../../src/domain/session/state.ts';
import type { EventParams } from '../../src/protocol/event-params.ts';
import type { Story } from '../simulation/scenarios.ts';
import { untilAborted } from '../simulation/scenarios.ts';
import { customTool, message } from '../support/pure-session.ts';
import type { World } from '../support/world.ts';

/** Stories whose logs are kept as files, beyond those that the simulation tells. */

const toolset = { type: 'agent_toolset_20260401' as const };
const asking = { ...toolset, default_config: { permission_policy: { type: 'always_ask' as const } } };
const interrupt: EventParams = { type: 'user.interrupt' };
const limit = (amount: string) => ({
  type: 'limit' as const,
  max_list_cost: { amount, currency: 'USD' as const },
});
const microCentsPerCent = 1_000_000;

const oneCall = `
rules:
  - when: { user: again }
    reply: [{ text: done }]
  - when: { step: 0 }
    reply: [{ text: one moment }, { tool: bash, input: { command: a } }]
  - reply: [{ text: done }]`;
const twoCalls = `
rules:
  - when: { user: again }
    reply: [{ text: done }]
  - when: { step: 0 }
    reply: [{ tool: bash, input: { command: a } }, { tool: bash, input: { command: b } }]
  - reply: [{ text: done }]`;

const idle = (state: SessionState) => state.status === 'idle' && state.queue.length === 0;
const asked = (world: World, calls: number) =>
  world.until((state) => state.status === 'idle' && waitingCalls(state).length === calls);

async function speak(world: World, ...events: EventParams[]): Promise<SessionState> {
  const { conversation } = await world.state();
  await world.send(...events);
  return await world.until((state) => idle(state) && state.conversation.length > conversation.length);
}

const allow = (id: string | undefined): EventParams => ({
  type: 'user.tool_confirmation',
  tool_use_id: id ?? '',
  result: 'allow',
});
const deny = (id: string | undefined, why?: string): EventParams => ({
  type: 'user.tool_confirmation',
  tool_use_id: id ?? '',
  result: 'deny',
  ...(why === undefined ? {} : { deny_message: why }),
});

export const goldenStories: readonly Story[] = [
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
    name: 'an interrupt and a message while permissions are asked for',
    setting: { tools: [asking], scenario: twoCalls },
    async play(world) {
      await world.send(message('go'));
      await asked(world, 2);
      await speak(world, interrupt, message('again'));
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
    name: 'an interrupt of an idle session',
    setting: { tools: [], scenario: 'rules: [{ reply: [{ text: hello }] }]' },
    async play(world) {
      await world.send(interrupt);
      await speak(world, message('go'));
    },
  },
  {
    name: 'an interrupt during a tool, with messages behind it',
    setting: { tools: [toolset], scenario: oneCall, tool: untilAborted },
    async play(world) {
      await world.send(message('go'));
      await world.until((state) => state.round.calls.some((call) => call.status === 'started'));
      await world.send(message('again'), interrupt);
      await world.until((state) => idle(state) && state.conversation.length === 5);
    },
  },
  {
    name: 'an answer and a message during a tool, then an interrupt',
    setting: {
      tools: [toolset, customTool],
      scenario: `
rules:
  - when: { user: this }
    reply: [{ text: done }]
  - reply: [{ tool: weather, input: { city: a } }, { tool: bash, input: { command: a } }]`,
      tool: untilAborted,
    },
    async play(world) {
      await world.send(message('go'));
      const [weather] = waitingCalls(
        await world.until((state) => state.round.calls.some((call) => call.status === 'started')),
      );
      await world.send(
        { type: 'user.custom_tool_result', custom_tool_use_id: weather?.eventId ?? '' },
        message('and this'),
      );
      await world.send(interrupt);
      await world.until((state) => idle(state) && state.conversation.length > 3);
    },
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
    name: 'a budget that is reached, then raised',
    setting: {
      tools: [toolset],
      budget: limit('5'),
      replyMicroCents: 6 * microCentsPerCent,
      scenario: twoCalls,
    },
    async play(world) {
      await world.send(message('go'));
      await world.until((state) => idle(state) && state.stopReason?.type === 'budget_reached');
      await world.change((draft) => updateSession(draft, { budget: limit('100') }));
      await world.until((state) => idle(state) && state.stopReason?.type === 'end_turn');
    },
  },
  {
    name: 'a turn that ends as the budget is crossed, which is then removed',
    setting: {
      tools: [],
      budget: limit('5'),
      replyMicroCents: 6 * microCentsPerCent,
      scenario: 'rules: [{ reply: [{ text: hello }] }]',
    },
    async play(world) {
      await world.send(message('go'));
      await world.until((state) => idle(state) && state.stopReason !== null);
      await world.change((draft) => updateSession(draft, { budget: null }));
      await speak(world, message('again'));
    },
  },
  {
    name: 'updates, then the archive',
    setting: { tools: [customTool], scenario: 'rules: [{ reply: [{ tool: weather }] }]' },
    async play(world) {
      await world.change((draft) => updateSession(draft, { title: 'new', metadata: { a: 'b' } }));
      await world.change((draft) => updateSession(draft, { metadata: {} }));
      await world.send(message('go'));
      await asked(world, 1);
      await world.change(archiveSession);
    },
  },
];

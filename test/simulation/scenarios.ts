import type { ToolRequest } from '../../src/domain/hands.ts';
import type { SessionState } from '../../src/domain/session/state.ts';
import { waitingCalls } from '../../src/domain/session/state.ts';
import { customTool, message } from '../support/pure-session.ts';
import type { Setting, World } from '../support/world.ts';
import { ok } from '../support/world.ts';

/** A story the simulation tells again and again, killed at every step. */
export type Story = {
  readonly name: string;
  readonly setting: Setting;
  readonly play: (world: World) => Promise<void>;
  /** Crashes may change how often the outside world was asked, so only the invariants are compared. */
  readonly loose?: true;
};

const toolset = { type: 'agent_toolset_20260401' as const };
const asking = {
  ...toolset,
  default_config: { permission_policy: { type: 'always_ask' as const } },
};

const resting = (turns: number) => (state: SessionState) =>
  state.status === 'idle' && state.queue.length === 0 && state.conversation.length >= turns;

async function turn(world: World, text: string): Promise<void> {
  const { conversation } = await world.state();
  await world.send(message(text));
  await world.until(resting(conversation.length + 2));
}

export const stories: readonly Story[] = [
  {
    name: 'two text turns',
    setting: { tools: [], scenario: 'rules: [{ reply: [{ thinking: hm }, { text: hello }] }]' },
    async play(world) {
      await turn(world, 'one');
      await turn(world, 'two');
    },
  },
  {
    name: 'tools in parallel, then one more',
    setting: {
      tools: [toolset],
      scenario: `
rules:
  - when: { step: 0 }
    reply: [{ text: on it }, { tool: bash, input: { command: a } }, { tool: write, input: { file_path: b, content: c } }]
  - when: { step: 1 }
    reply: [{ tool: bash, input: { command: d } }]
  - reply: [{ text: done }]`,
    },
    play: (world) => turn(world, 'go'),
  },
  {
    name: 'tools that only read',
    setting: {
      tools: [toolset],
      scenario: `
rules:
  - when: { step: 0 }
    reply: [{ tool: read, input: { file_path: a } }, { tool: glob, input: { pattern: b } }]
  - reply: [{ text: done }]`,
    },
    play: (world) => turn(world, 'go'),
  },
  {
    name: 'one call allowed, one denied',
    setting: {
      tools: [asking],
      scenario: `
rules:
  - when: { step: 0 }
    reply: [{ tool: bash, input: { command: a } }, { tool: bash, input: { command: b } }]
  - reply: [{ text: done }]`,
    },
    async play(world) {
      await world.send(message('go'));
      const asked = await world.until((state) => state.status === 'idle' && waitingCalls(state).length === 2);
      const [first, second] = waitingCalls(asked);
      await world.send(
        { type: 'user.tool_confirmation', tool_use_id: first?.eventId ?? '', result: 'allow' },
        {
          type: 'user.tool_confirmation',
          tool_use_id: second?.eventId ?? '',
          result: 'deny',
          deny_message: 'no',
        },
      );
      await world.until((state) => state.status === 'idle' && state.round.calls.length === 0);
    },
  },
  {
    name: 'custom tools answered one by one',
    setting: {
      tools: [customTool],
      scenario: `
rules:
  - when: { step: 0 }
    reply: [{ tool: weather, input: { city: a } }, { tool: weather, input: { city: b } }]
  - reply: [{ text: done }]`,
    },
    async play(world) {
      await world.send(message('go'));
      for (const left of [2, 1]) {
        const asked = await world.until(
          (state) => state.status === 'idle' && waitingCalls(state).length === left,
        );
        const [call] = waitingCalls(asked);
        await world.send({
          type: 'user.custom_tool_result',
          custom_tool_use_id: call?.eventId ?? '',
          content: [{ type: 'text', text: `sunny ${left}` }],
        });
      }
      await world.until((state) => state.status === 'idle' && state.round.calls.length === 0);
    },
  },
  {
    name: 'an overloaded model, twice',
    loose: true,
    setting: {
      tools: [],
      scenario: 'rules: [{ fail: { status: 529, times: 2 }, reply: [{ text: at last }] }]',
    },
    play: (world) => turn(world, 'go'),
  },
  {
    name: 'three messages at once',
    setting: { tools: [], scenario: 'rules: [{ reply: [{ text: all three }] }]' },
    async play(world) {
      await world.send(message('one'), message('two'), message('three'));
      await world.until((state) => resting(4)(state));
    },
  },
  {
    name: 'an interrupt during a tool',
    loose: true,
    setting: {
      tools: [toolset],
      scenario: `
rules:
  - when: { user: again }
    reply: [{ text: done }]
  - reply: [{ tool: bash, input: { command: sleep } }]`,
      tool: untilAborted,
    },
    async play(world) {
      await world.send(message('go'));
      await world.until((state) => state.round.calls.some((call) => call.status === 'started'));
      await world.send({ type: 'user.interrupt' });
      await world.until((state) => state.status === 'idle' && state.queue.length === 0);
      await turn(world, 'again');
    },
  },
];

/** A tool that ends only when it is aborted. */
export function untilAborted(_request: ToolRequest, signal: AbortSignal) {
  return new Promise<ReturnType<typeof ok>>((resolve) => {
    if (signal.aborted) resolve(ok('never'));
    signal.addEventListener('abort', () => resolve(ok('never')), { once: true });
  });
}

import type { SessionState } from '../../../src/domain/session/state.ts';
import { waitingCalls } from '../../../src/domain/session/state.ts';
import type { EventParams } from '../../../src/protocol/event-params.ts';
import type { World } from '../../support/world.ts';

/** What clients say and wait for in the stories. */

export const toolset = { type: 'agent_toolset_20260401' as const };
export const asking = {
  ...toolset,
  default_config: { permission_policy: { type: 'always_ask' as const } },
};
export const interrupt: EventParams = { type: 'user.interrupt' };
export const microCentsPerCent = 1_000_000;
export const limit = (amount: string) => ({
  type: 'limit' as const,
  max_list_cost: { amount, currency: 'USD' as const },
});

export const oneCall = `
rules:
  - when: { user: again }
    reply: [{ text: done }]
  - when: { step: 0 }
    reply: [{ text: one moment }, { tool: bash, input: { command: a } }]
  - reply: [{ text: done }]`;
export const twoCalls = `
rules:
  - when: { user: again }
    reply: [{ text: done }]
  - when: { step: 0 }
    reply: [{ tool: bash, input: { command: a } }, { tool: bash, input: { command: b } }]
  - reply: [{ text: done }]`;
/** Long enough for a client to act meanwhile. */
export const slowly = 'delay_ms: 100000';

export const allow = (id: string | undefined): EventParams => ({
  type: 'user.tool_confirmation',
  tool_use_id: id ?? '',
  result: 'allow',
});
export const deny = (id: string | undefined, why?: string): EventParams => ({
  type: 'user.tool_confirmation',
  tool_use_id: id ?? '',
  result: 'deny',
  ...(why === undefined ? {} : { deny_message: why }),
});
export const answer = (id: string | undefined, text: string): EventParams => ({
  type: 'user.custom_tool_result',
  custom_tool_use_id: id ?? '',
  content: [{ type: 'text', text }],
});
export const systemSays = (text: string): EventParams => ({
  type: 'system.message',
  content: [{ type: 'text', text }],
});

export const idle = (state: SessionState) => state.status === 'idle' && state.queue.length === 0;
export const asked = (world: World, calls: number) =>
  world.until((state) => state.status === 'idle' && waitingCalls(state).length === calls);
/** The model has been asked and has not yet answered. */
export const inRequest = (world: World) => world.until((state) => state.round.openRequest !== null);
/** The tool of so many calls has begun. */
export const inTools = (world: World, calls: number) =>
  world.until((state) => state.round.calls.filter(({ status }) => status === 'started').length === calls);
export const stopped = (world: World, reason: string) =>
  world.until((state) => state.status === 'idle' && state.stopReason?.type === reason);

/** Sends, and waits until the session is at rest with something new in its conversation. */
export async function speak(world: World, ...events: EventParams[]): Promise<SessionState> {
  const { conversation } = await world.state();
  await world.send(...events);
  return await world.until((state) => idle(state) && state.conversation.length > conversation.length);
}

import { systemClock } from '../../src/base/clock.ts';
import { updateSession } from '../../src/domain/session/lifecycle.ts';
import type { Call, SessionState } from '../../src/domain/session/state.ts';
import { hasQueued, waitingCalls } from '../../src/domain/session/state.ts';
import type { AgentToolParams } from '../../src/protocol/agent-tools.ts';
import type { EventParams } from '../../src/protocol/event-params.ts';
import { Refusal } from '../../src/protocol/refusal.ts';
import { generator } from '../support/generator.ts';
import { customTool, message } from '../support/pure-session.ts';
import type { Setting, World } from '../support/world.ts';
import { ok } from '../support/world.ts';
import type { Story } from './scenarios.ts';

/** Dice of one seed. */
type Dice = {
  /** True so often. */
  chance(share: number): boolean;
  /** A whole number below `count`. */
  below(count: number): number;
  pick<T>(list: readonly [T, ...T[]]): T;
};

function diceOf(seed: number): Dice {
  const random = generator(seed);
  const below = (count: number) => Math.floor(random() * count);
  return {
    chance: (share) => random() < share,
    below,
    // The index is within the list.
    pick: (list) => list[below(list.length)] as (typeof list)[number],
  };
}

/** A story made of a seed: how its model and its tools behave, and what its client does, once and twice. */
export function randomStory(seed: number): Story {
  const dice = diceOf(seed);
  return { name: `seed ${seed}`, setting: randomSetting(dice), play: (world) => play(world, dice) };
}

/** Steps at which the server of a seed dies, one for each of its lives but the last. */
export function randomCrashes(seed: number): readonly number[] {
  const dice = diceOf(seed ^ 0x5eed);
  return Array.from({ length: dice.below(5) }, () => 1 + dice.below(40));
}

function randomSetting(dice: Dice): Setting {
  const policies = ['always_allow', 'always_allow', 'always_ask', 'auto'] as const;
  const toolset: AgentToolParams = {
    type: 'agent_toolset_20260401',
    configs: (['bash', 'write', 'read'] as const).map((name) => ({
      name,
      permission_policy: { type: dice.pick(policies) },
      enabled: !dice.chance(0.1),
    })),
  };
  const cents = String(1 + dice.below(6));
  return {
    tools: [toolset, customTool],
    scenario: randomScript(dice),
    ...(dice.chance(0.5)
      ? { judge: `rules: [{ when: { user: 'a-' }, reply: [{ text: ALLOW }] }, { reply: [{ text: DENY }] }]` }
      : {}),
    ...(dice.chance(0.3)
      ? { budget: { type: 'limit', max_list_cost: { amount: cents, currency: 'USD' } } }
      : {}),
    replyMicroCents: 700_000,
    contextTokensMax: dice.chance(0.2) ? 700 : 200_000,
    tool: randomTool(dice),
    isHeardTwice: () => dice.chance(0.2),
  };
}

/** Rules by the step of a turn; the last one ends it. */
function randomScript(dice: Dice): string {
  const steps = dice.below(4);
  const rules = Array.from(
    { length: steps },
    (_, step) => `
  - when: { step: ${step} }
    reply: [${partsOf(dice)}]${hazardsOf(dice)}`,
  );
  const refusal = dice.chance(0.1) ? '\n    stop_reason: refusal' : '';
  // Steps are counted from what the user said last, and a summary says that again.
  const summary = `
  - when: { user: '^<conversation>' }
    reply: [{ text: They talked. }]
  - when: { user: was summarized }
    reply: [{ text: done }]`;
  return `rules:${summary}${rules.join('')}
  - reply: [{ text: done }]${refusal}${hazardsOf(dice)}`;
}

function partsOf(dice: Dice): string {
  const parts = [
    '{ text: well }',
    '{ thinking: hm }',
    "{ tool: bash, input: { command: 'a-1' } }",
    "{ tool: bash, input: { command: 'b-1' } }",
    "{ tool: write, input: { file_path: 'a-2', content: c } }",
    "{ tool: read, input: { file_path: 'a-3' } }",
    '{ tool: weather, input: { city: a } }',
    "{ tool: weather, malformed_input: '{' }",
    '{ tool: nonsense }',
  ] as const;
  return Array.from({ length: 1 + dice.below(4) }, () => dice.pick(parts)).join(', ');
}

function hazardsOf(dice: Dice): string {
  const late = dice.chance(0.4) ? `\n    delay_ms: ${dice.below(6_000)}` : '';
  if (dice.chance(0.04)) return `${late}\n    cut_after_events: ${dice.below(6)}`;
  const status = dice.pick([529, 529, 500, 429, 400]);
  const times = status === 400 ? 1 : 1 + dice.below(3);
  return dice.chance(0.25) ? `${late}\n    fail: { status: ${status}, times: ${times} }` : late;
}

function randomTool(dice: Dice): NonNullable<Setting['tool']> {
  return async ({ name }, signal) => {
    const isError = dice.chance(0.2);
    // An aborted tool ends at once, and nobody hears what it says.
    if (dice.chance(0.5)) await systemClock.sleep(dice.below(15), signal).catch(() => undefined);
    return { ...ok(`${name} did it. ${'word '.repeat(dice.below(100))}`), isError };
  };
}

async function play(world: World, dice: Dice): Promise<void> {
  const acts = 2 + dice.below(6);
  await world.send(message('message 0'));
  for (let act = 1; act <= acts; act++) {
    await reach(world, dice);
    const events = eventsOf(await world.state(), dice, `message ${act}`);
    if (events.length === 0) await change(world, dice);
    else await say(world, dice, events);
  }
  await settle(world);
}

/** Somewhere in the turn: at once, a little later, when tools run, or at its end. */
async function reach(world: World, dice: Dice): Promise<void> {
  const later = dice.below(5);
  if (later === 0) return;
  if (later < 3) await systemClock.sleep(dice.below(25));
  else
    await world.until(({ status, round }) => status !== 'running' || (later === 3 && round.calls.length > 0));
}

/** What the client has to say now; nothing: it changes the session instead. */
function eventsOf(state: SessionState, dice: Dice, text: string): EventParams[] {
  const waiting = waitingCalls(state);
  const interrupt: EventParams = { type: 'user.interrupt' };
  if (waiting.length > 0 && dice.chance(0.8)) {
    const answers = waiting.filter(() => dice.chance(0.7)).map((call) => answerTo(call, dice.chance(0.7)));
    return dice.chance(0.5) ? answers.toReversed() : answers;
  }
  const said = dice.below(10);
  if (said === 0) return [];
  if (said === 1) return [interrupt];
  if (said === 2) return [message(text), interrupt];
  if (said === 3)
    return [message(text), { type: 'system.message', content: [{ type: 'text', text: 'be brief' }] }];
  return said === 4 ? [interrupt, message(text)] : [message(text)];
}

function answerTo(call: Call, isGood: boolean): EventParams {
  return call.kind === 'custom'
    ? { type: 'user.custom_tool_result', custom_tool_use_id: call.eventId, is_error: !isGood }
    : { type: 'user.tool_confirmation', tool_use_id: call.eventId, result: isGood ? 'allow' : 'deny' };
}

/** Once; or twice, as a client does that lost the reply; or without looking whether it arrived. */
async function say(world: World, dice: Dice, events: readonly EventParams[]): Promise<void> {
  if (dice.chance(0.3)) {
    await world.post(...events);
    return;
  }
  await unlessRefused(() => world.send(...events));
  if (dice.chance(0.15)) await world.post(...events);
}

async function change(world: World, dice: Dice): Promise<void> {
  const title = `title ${dice.below(3)}`;
  await unlessRefused(() => world.change((draft) => updateSession(draft, { title })));
  const amount = String(5 + dice.below(10));
  const budget = { type: 'limit' as const, max_list_cost: { amount, currency: 'USD' as const } };
  await unlessRefused(() => world.change((draft) => updateSession(draft, { budget })));
}

async function unlessRefused(act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause;
  }
}

const settleActsMax = 50;

/** From now on every call is answered and every budget lifted, until the session is at rest. */
async function settle(world: World): Promise<void> {
  for (let left = settleActsMax; left > 0; left--) {
    const state = await world.until(({ status }) => status === 'idle');
    const answers = waitingCalls(state).map((call) => answerTo(call, true));
    if (answers.length > 0) await unlessRefused(() => world.send(...answers));
    else if (state.budget !== null) await world.change((draft) => updateSession(draft, { budget: null }));
    else if (!hasQueued(state, 'user.message')) return;
    else throw new Error('a message is queued in an idle session');
  }
  throw new Error('the session does not come to rest');
}

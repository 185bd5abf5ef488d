import { updateSession } from '../../../src/domain/session/lifecycle.ts';
import { waitingCalls } from '../../../src/domain/session/state.ts';
import type { Story } from '../../simulation/scenarios.ts';
import { untilAborted } from '../../simulation/scenarios.ts';
import { message } from '../../support/pure-session.ts';
import {
  allow,
  asked,
  asking,
  deny,
  idle,
  inRequest,
  inTools,
  interrupt,
  limit,
  microCentsPerCent,
  oneCall,
  slowly,
  speak,
  stopped,
  toolset,
  twoCalls,
} from './acts.ts';

const capped = { budget: limit('5'), replyMicroCents: 6 * microCentsPerCent };

export const budgetStories: readonly Story[] = [
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
    name: 'permissions asked for at the cap',
    setting: { tools: [asking], ...capped, scenario: twoCalls },
    async play(world) {
      await world.send(message('go'));
      const [first, second] = waitingCalls(await asked(world, 2));
      await world.send(deny(first?.eventId));
      await asked(world, 1);
      await world.send(allow(second?.eventId));
      await stopped(world, 'budget_reached');
      await world.change((draft) => updateSession(draft, { budget: limit('20') }));
      await stopped(world, 'end_turn');
    },
  },
  {
    name: 'a message that waits for a higher budget, and an interrupt that is not heard',
    setting: {
      tools: [],
      ...capped,
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
      await stopped(world, 'budget_reached');
      await world.send(interrupt);
      await world.change((draft) => updateSession(draft, { budget: limit('5') }));
      await world.change((draft) => updateSession(draft, { budget: limit('100') }));
      await world.until((state) => idle(state) && state.stopReason?.type === 'end_turn');
    },
  },
  {
    name: 'a budget that is lowered, above what was spent',
    setting: {
      tools: [],
      budget: limit('50'),
      replyMicroCents: 6 * microCentsPerCent,
      scenario: 'rules: [{ reply: [{ text: hello }] }]',
    },
    async play(world) {
      await speak(world, message('go'));
      await world.change((draft) => updateSession(draft, { budget: limit('10') }));
      await world.send(message('again'));
      await stopped(world, 'budget_reached');
    },
  },
  {
    name: 'a refusal that crosses the budget',
    setting: {
      tools: [],
      ...capped,
      scenario: 'rules: [{ reply: [{ text: no }], stop_reason: refusal, stop_details: { category: cyber } }]',
    },
    async play(world) {
      await world.send(message('go'));
      await stopped(world, 'budget_reached');
    },
  },
  {
    name: 'an interrupt over the budget',
    setting: { tools: [toolset], ...capped, scenario: oneCall, tool: untilAborted },
    async play(world) {
      await world.send(message('go'));
      await inTools(world, 1);
      await world.send(message('again'), interrupt);
      await stopped(world, 'budget_reached');
      await world.change((draft) => updateSession(draft, { budget: null }));
      await world.until((state) => idle(state) && state.stopReason?.type === 'end_turn');
    },
  },
  {
    name: 'a budget that can no longer be measured',
    setting: { tools: [toolset], budget: limit('100'), scenario: oneCall },
    async play(world) {
      await world.send(message('go'));
      await stopped(world, 'budget_reached');
      await world.change((draft) => updateSession(draft, { budget: null }));
      await stopped(world, 'end_turn');
    },
  },
];

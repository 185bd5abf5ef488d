import { waitingCalls } from '../../../src/domain/session/state.ts';
import type { Story } from '../../simulation/scenarios.ts';
import { untilAborted } from '../../simulation/scenarios.ts';
import { customTool, message } from '../../support/pure-session.ts';
import { ok } from '../../support/world.ts';
import {
  allow,
  asked,
  asking,
  idle,
  inRequest,
  inTools,
  interrupt,
  oneCall,
  slowly,
  speak,
  stopped,
  toolset,
  twoCalls,
} from './acts.ts';

export const interruptStories: readonly Story[] = [
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
    name: 'an interrupt during a model request',
    setting: {
      tools: [],
      scenario: `
rules:
  - when: { user: again }
    reply: [{ text: done }]
  - reply: [{ text: never heard }]
    ${slowly}`,
    },
    async play(world) {
      await world.send(message('go'));
      await inRequest(world);
      await world.send(interrupt);
      await stopped(world, 'end_turn');
      await speak(world, message('again'));
    },
  },
  {
    name: 'an interrupt before a request is tried again',
    setting: {
      tools: [],
      scenario: `
rules:
  - when: { user: again }
    reply: [{ text: done }]
  - fail: { status: 429, retry_after: 100 }`,
    },
    async play(world) {
      await world.send(message('go'));
      await world.until((state) => state.status === 'rescheduling');
      await world.send(message('again'), interrupt);
      await world.until((state) => idle(state) && state.conversation.length === 3);
    },
  },
  {
    name: 'an interrupt of a session that waits',
    setting: { tools: [asking], scenario: oneCall },
    async play(world) {
      await world.send(message('go'));
      await asked(world, 1);
      await world.send(interrupt);
      await stopped(world, 'end_turn');
      await speak(world, message('again'));
    },
  },
  {
    name: 'an interrupt while one permission was given early',
    setting: { tools: [asking], scenario: twoCalls },
    async play(world) {
      await world.send(message('go'));
      const [, second] = waitingCalls(await asked(world, 2));
      await world.send(allow(second?.eventId));
      await asked(world, 1);
      await world.send(interrupt);
      await stopped(world, 'end_turn');
    },
  },
  {
    name: 'an answer and an interrupt in one batch',
    setting: { tools: [asking], scenario: twoCalls },
    async play(world) {
      await world.send(message('go'));
      const [first] = waitingCalls(await asked(world, 2));
      await world.send(allow(first?.eventId), interrupt);
      await stopped(world, 'end_turn');
    },
  },
  {
    name: 'an interrupt when one of two tools has ended',
    setting: {
      tools: [toolset],
      scenario: twoCalls,
      tool: (request, signal) =>
        request.input['command'] === 'a' ? Promise.resolve(ok('quick')) : untilAborted(request, signal),
    },
    async play(world) {
      await world.send(message('go'));
      await world.until(({ round }) => round.calls.map(({ status }) => status).join() === 'done,started');
      await world.send(interrupt);
      await stopped(world, 'end_turn');
    },
  },
  {
    name: 'two interrupts in one batch',
    setting: { tools: [toolset], scenario: oneCall, tool: untilAborted },
    async play(world) {
      await world.send(message('go'));
      await inTools(world, 1);
      await world.send(interrupt, interrupt);
      await world.until((state) => idle(state) && state.stopReason?.type === 'end_turn');
    },
  },
  {
    name: 'an interrupt that names the thread',
    setting: { tools: [toolset], scenario: oneCall, tool: untilAborted },
    async play(world) {
      await world.send(message('go'));
      const { threadId } = await inTools(world, 1);
      await world.send({ type: 'user.interrupt', session_thread_id: threadId });
      await stopped(world, 'end_turn');
    },
  },
];

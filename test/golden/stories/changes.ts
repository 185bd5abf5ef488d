import { archiveSession, deleteSession, updateSession } from '../../../src/domain/session/lifecycle.ts';
import { waitingCalls } from '../../../src/domain/session/state.ts';
import type { Story } from '../../simulation/scenarios.ts';
import { customTool, message } from '../../support/pure-session.ts';
import type { World } from '../../support/world.ts';
import {
  allow,
  asked,
  asking,
  inRequest,
  limit,
  microCentsPerCent,
  slowly,
  speak,
  stopped,
  systemSays,
  toolset,
  twoCalls,
} from './acts.ts';

const updateAgent = (world: World, changes: object) =>
  world.change((draft) => updateSession(draft, { agent: { ...draft.state().agent, ...changes } }));

export const changeStories: readonly Story[] = [
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
  {
    name: 'an agent that loses its tools between two turns',
    setting: {
      tools: [toolset],
      scenario: `
rules:
  - when: { step: 0 }
    reply: [{ tool: bash, input: { command: a } }]
  - reply: [{ text: done }]`,
    },
    async play(world) {
      await speak(world, message('one'));
      await updateAgent(world, { tools: [] });
      await updateAgent(world, { tools: [] });
      await speak(world, message('two'));
    },
  },
  {
    name: 'an agent that loses its tools while one is asked for',
    setting: { tools: [asking], scenario: twoCalls },
    async play(world) {
      await world.send(message('go'));
      const [first, second] = waitingCalls(await asked(world, 2));
      await updateAgent(world, { tools: [] });
      await speak(world, allow(first?.eventId), allow(second?.eventId));
    },
  },
  {
    name: 'an agent that gets an MCP server',
    setting: { tools: [], scenario: 'rules: [{ reply: [{ text: hello }] }]' },
    async play(world) {
      await speak(world, message('one'));
      await updateAgent(world, {
        mcp_servers: [{ type: 'url', name: 'linear', url: 'https://mcp.linear.app/sse' }],
      });
      await speak(world, message('two'));
      await updateAgent(world, { mcp_servers: [] });
      await speak(world, message('three'));
    },
  },
  {
    name: 'everything updated at once, and the title during a turn',
    setting: {
      tools: [],
      budget: limit('50'),
      replyMicroCents: microCentsPerCent,
      scenario: `rules: [{ reply: [{ text: hello }], ${slowly} }]`,
    },
    async play(world) {
      await world.change((draft) =>
        updateSession(draft, {
          title: 'new',
          metadata: { a: 'b', c: 'd' },
          budget: limit('60'),
          agent: { ...draft.state().agent, system: 'Be brief.' },
        }),
      );
      await world.send(message('go'));
      await inRequest(world);
      await world.change((draft) => updateSession(draft, { title: null, metadata: { c: 'd', a: 'b' } }));
      await world.change((draft) => updateSession(draft, { title: null, budget: null }));
      await stopped(world, 'end_turn');
    },
  },
  {
    name: 'the archive of a session that has nothing to do',
    setting: { tools: [], scenario: 'rules: [{ reply: [{ text: hello }] }]' },
    async play(world) {
      await speak(world, message('go'));
      await world.send(systemSays('be brief'));
      await world.change(archiveSession);
      await world.change(archiveSession);
    },
  },
  {
    name: 'the archive of a session at its cap',
    setting: {
      tools: [],
      budget: limit('5'),
      replyMicroCents: 6 * microCentsPerCent,
      scenario: `rules: [{ reply: [{ text: one }], ${slowly} }]`,
    },
    async play(world) {
      await world.send(message('go'));
      await inRequest(world);
      await world.send(message('again'));
      await stopped(world, 'budget_reached');
      await world.change(archiveSession);
    },
  },
  {
    name: 'the archive with a permission given early',
    setting: { tools: [asking, customTool], scenario: twoCalls },
    async play(world) {
      await world.send(message('go'));
      const [, second] = waitingCalls(await asked(world, 2));
      await world.send(allow(second?.eventId));
      await world.change(archiveSession);
    },
  },
  {
    name: 'a session that is deleted',
    setting: { tools: [], scenario: 'rules: [{ reply: [{ text: hello }] }]' },
    async play(world) {
      await speak(world, message('go'));
      await world.change(deleteSession);
    },
  },
];

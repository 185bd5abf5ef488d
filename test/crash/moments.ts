import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fleet, Replica } from './fleet.ts';
import type { Outside } from './outside.ts';
import type { Teller } from './teller.ts';

export type Scene = {
  readonly fleet: Fleet;
  readonly outside: Outside;
  /** Gets the requests of the leading session, and drives it. */
  readonly victim: Replica;
  readonly teller: Teller;
  readonly name: string;
  readonly random: () => number;
  /** Lets the leading session begin. */
  begin(): void;
};

/** Lets the leading session begin and resolves when it is time to kill; afterwards the given function lets things go on. */
export type Moment = {
  /** Of ARCHITECTURE.md, the first that can be under way; 0: any. */
  readonly hop: number;
  readonly name: string;
  come(scene: Scene): Promise<(() => unknown) | undefined>;
};

const nothing = undefined;

function happening(hop: number, name: string, what: (scene: Scene) => string): Moment {
  return {
    hop,
    name,
    async come(scene) {
      const held = scene.outside.hold(`${what(scene)} ${scene.name}`);
      scene.begin();
      return await held;
    },
  };
}

/** Streams show these in turn. */
const shown = [
  'user.message',
  'session.status_running',
  'agent.tool_use',
  'agent.tool_result',
  'agent.message',
  'session.status_idle',
] as const;

export const moments: readonly Moment[] = [
  {
    hop: 1,
    name: 'half of a request is written',
    async come({ begin, fleet, victim, teller, name }) {
      const { hostname, port } = new URL(victim.server?.baseUrl ?? '');
      const socket = connect(Number(port), hostname).on('error', () => undefined);
      await once(socket, 'connect');
      const body = JSON.stringify({ events: [{ type: 'user.message', content: `half ${name}` }] });
      const head = [
        `POST /v1/sessions/${teller.sessionId}/events HTTP/1.1`,
        `host: ${hostname}`,
        `x-api-key: ${fleet.client.apiKey}`,
        'anthropic-version: 2023-06-01',
        'anthropic-beta: managed-agents-2026-04-01',
        'content-type: application/json',
        `content-length: ${body.length}`,
      ];
      await new Promise((resolve) =>
        socket.write(`${head.join('\r\n')}\r\n\r\n${body.slice(0, -9)}`, resolve),
      );
      return begin;
    },
  },
  {
    hop: 2,
    name: 'a request is on its way',
    async come({ begin, random }) {
      begin();
      await sleep(random() * 12);
      return nothing;
    },
  },
  {
    hop: 3,
    name: 'its transaction waits for another',
    async come({ begin, fleet, teller, random }) {
      const unlock = await fleet.database.lock(teller.sessionId);
      begin();
      await sleep(10 + random() * 20);
      while (!(await fleet.database.isAwaited())) await sleep(2);
      return unlock;
    },
  },
  {
    hop: 4,
    name: 'its commit can be seen',
    async come({ begin, fleet, teller }) {
      const { length } = fleet.database;
      const before = await length(teller.sessionId);
      begin();
      while ((await length(teller.sessionId)) === before)
        await new Promise((resolve) => setImmediate(resolve));
      return nothing;
    },
  },
  {
    hop: 5,
    name: 'the request is answered',
    async come({ begin, fleet, teller }) {
      begin();
      const isAnswered = () =>
        fleet.posts.some((post) => post.sessionId === teller.sessionId && post.accepted);
      while (!isAnswered()) await new Promise((resolve) => setImmediate(resolve));
      return nothing;
    },
  },
  happening(6, 'the model is asked', () => 'asked 0'),
  happening(7, 'a reply has begun', ({ random }) => `sent ${Math.floor(random() * 12)}`),
  happening(8, 'a tool has had its effect', () => 'effect'),
  happening(9, 'a reply is complete', ({ random }) => `replied ${random() < 0.5 ? 0 : 1}`),
  happening(9, 'the model is asked again', () => 'asked 1'),
  {
    hop: 10,
    name: 'a stream shows an event',
    async come({ begin, teller, random }) {
      const type = shown[Math.floor(random() * shown.length)];
      begin();
      await teller.until((event) => event.type === type);
      return nothing;
    },
  },
  {
    hop: 0,
    name: 'any time',
    async come({ begin, random }) {
      begin();
      await sleep(random() * 500);
      return nothing;
    },
  },
];

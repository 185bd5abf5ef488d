import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { lastUserText } from '../../src/brain/models/scripted/messages-request.ts';
import type { ModelServer } from '../support/model-server.ts';
import { startModelServer } from '../support/model-server.ts';
import { sharedPostgres } from '../support/postgres.ts';
import type { ServerHome, ServerProcess } from '../support/server.ts';
import { serverHome } from '../support/server.ts';
import type { ListedEvent } from '../support/server-sessions.ts';
import {
  atRest,
  collect,
  listAll,
  message,
  openSession,
  say,
  send,
  spoken,
} from '../support/server-sessions.ts';
import type { Pair } from '../support/servers.ts';
import { serverPair } from '../support/servers.ts';
import type { WallClock } from '../support/wall-clock.ts';
import { wallClock } from '../support/wall-clock.ts';

const day = 24 * 3600;
const jumps = { 'a day ahead': day, 'a day back': -day, 'ten seconds ahead': 10 } as const;
const minuteMs = 60_000;
const leaseSeconds = 5;
const byModel = { model: 'claude-opus-5-5', tools: [] };

const scenarios = {
  tired: 'rules: [{ fail: { status: 529, times: 1 }, reply: [{ text: At last. }] }]',
};

/** Sets the clock of a running server, and waits until that has it: it says the time with every answer. */
async function setClock(clock: WallClock, server: ServerProcess, aheadSeconds: number): Promise<void> {
  clock.set(aheadSeconds);
  for (;;) {
    const { headers } = await fetch(`${server.baseUrl}/health`);
    const aheadMs = Date.parse(headers.get('date') ?? '') - Date.now();
    if (Math.abs(aheadMs - aheadSeconds * 1000) < 5_000) return;
    await sleep(50);
  }
}

function timesOf(events: readonly ListedEvent[]): number[] {
  return events.flatMap((event) => ('processed_at' in event ? [Date.parse(event.processed_at ?? '')] : []));
}

/** No time is before the one before it. */
function assertOrdered(events: readonly ListedEvent[]): void {
  const times = timesOf(events);
  assert.deepEqual(times, times.toSorted());
}

/** Likewise, and none of them is by the clock that was set. */
function assertSteady(events: readonly ListedEvent[]): void {
  assertOrdered(events);
  const times = timesOf(events);
  assert.ok((times.at(-1) ?? 0) - (times[0] ?? 0) < minuteMs);
}

const wereCut = (events: readonly ListedEvent[]) =>
  events.flatMap((event) => (event.type === 'span.model_request_end' ? [event.is_error] : []));

const resultsOf = (events: readonly ListedEvent[]) =>
  JSON.stringify(events.filter(({ type }) => type === 'agent.tool_result'));

/** A model that answers what it is asked once it is let. */
async function startHeldModel() {
  const held = new Map<string, { readonly asked: () => void; readonly answer: Promise<void> }>();
  const server: ModelServer = await startModelServer({
    async answer(request) {
      const said = lastUserText(request.messages);
      held.get(said)?.asked();
      await held.get(said)?.answer;
      return [{ type: 'text', text: `Answered ${said}.` }];
    },
  });
  return {
    ...server,
    /** `asked` resolves when it was asked this; it answers once `answer` is called. */
    hold(said: string) {
      const asked = Promise.withResolvers<void>();
      const answered = Promise.withResolvers<void>();
      held.set(said, { asked: asked.resolve, answer: answered.promise });
      return { asked: asked.promise, answer: answered.resolve };
    },
  };
}

type HeldModel = Awaited<ReturnType<typeof startHeldModel>>;

describe('a server whose clock is set', () => {
  let clock: WallClock;
  let model: HeldModel;
  let home: ServerHome;
  let server: ServerProcess;
  const start = () => home.start({ ...model.settings, ...clock.settings });
  before(async () => {
    clock = wallClock();
    model = await startHeldModel();
    home = serverHome(scenarios);
    server = await start();
  });
  afterEach(() => setClock(clock, server, 0));
  after(async () => {
    await home.remove();
    await model.close();
    clock.remove();
  });

  // Each has begun when it resolves; what it resolves to comes to the end, and to the session's events.
  async function inReply(said: string) {
    const { id } = await openSession(server.client, byModel);
    const turn = model.hold(said);
    const streamed = collect(server.client, id, () => send(server.client, id, message(said)));
    await turn.asked;
    return async () => {
      turn.answer();
      await streamed;
      const events = await listAll(server.client, id);
      assert.equal(spoken(events), `Answered ${said}.`);
      return events;
    };
  }

  async function inTool() {
    const { id } = await openSession(server.client);
    const running = say(server.client, id, 'run `KEPT=yes; sleep 3; echo slept`');
    await seen(id, 'agent.tool_use');
    return async () => {
      await running;
      await say(server.client, id, 'run `echo kept $KEPT`');
      const events = await listAll(server.client, id);
      assert.match(resultsOf(events), /slept.*kept yes/);
      return events;
    };
  }

  async function inPause() {
    const { id } = await openSession(server.client, { model: 'scripted/tired' });
    await send(server.client, id, message('go'));
    await seen(id, 'session.error');
    return async () => {
      await atRest(server.client, id);
      const events = await listAll(server.client, id);
      assert.equal(spoken(events), 'At last.');
      return events;
    };
  }

  async function inRest() {
    const { id } = await openSession(server.client);
    await say(server.client, id, 'run `echo one > log.txt; KEPT=yes`');
    return async () => {
      await say(server.client, id, 'run `echo two $KEPT >> log.txt; echo $(cat log.txt)`');
      const events = await listAll(server.client, id);
      assert.match(resultsOf(events), /one two yes/);
      return events;
    };
  }

  async function seen(id: string, type: ListedEvent['type']): Promise<void> {
    while (!(await listAll(server.client, id)).some((event) => event.type === type)) await sleep(20);
  }

  for (const [jump, seconds] of Object.entries(jumps)) {
    test(`${jump}, in the middle of a reply, a tool, a pause before the next try, and a rest`, async () => {
      const begun = await Promise.all([inReply(jump), inTool(), inPause(), inRest()]);
      await setClock(clock, server, seconds);
      for (const end of begun) assertSteady(await end());
    });

    test(`${jump}, and killed in the middle of a reply: the next start goes on`, async () => {
      const { id } = await openSession(server.client, byModel);
      const said = `${jump} and killed`;
      const turn = model.hold(said);
      await send(server.client, id, message(said));
      await turn.asked;
      await setClock(clock, server, seconds);
      await server.kill();
      turn.answer();
      server = await start();
      await atRest(server.client, id);
      const events = await listAll(server.client, id);
      assert.equal(spoken(events), `Answered ${said}.`);
      assert.deepEqual(wereCut(events), [true, false]);
      assertOrdered(events);
    });
  }

  test('nothing of this was logged as an error', () => {
    assert.deepEqual(server.errors(), []);
  });
});

describe('one of two servers whose clock is set', () => {
  let clock: WallClock;
  let model: HeldModel;
  let pair: Pair;
  let a: ServerProcess;
  let b: ServerProcess;
  const startA = () => pair.homes[0].start({ ...pair.settings, ...clock.settings });
  before(async () => {
    clock = wallClock();
    model = await startHeldModel();
    pair = serverPair(await (await sharedPostgres()).newDatabase());
    Object.assign(pair.settings, model.settings, { ANTHILL_LEASE_SECONDS: String(leaseSeconds) });
    [a, b] = await Promise.all([startA(), pair.homes[1].start(pair.settings)]);
  });
  after(async () => {
    await pair.remove();
    await model.close();
    clock.remove();
  });

  /** A turn at each, read at the other; `meanwhile` both have been asked, and are for longer than a lease. */
  async function turnsOfBoth(said: string, meanwhile: () => Promise<void>): Promise<void> {
    const turns = [a, b].map(async (here, at) => {
      const there = at === 0 ? b : a;
      const { id } = await openSession(here.client, byModel);
      const turn = model.hold(`${said} ${at}`);
      const streamed = collect(there.client, id, () => send(here.client, id, message(`${said} ${at}`)));
      await turn.asked;
      return { id, answer: turn.answer, streamed };
    });
    const begun = await Promise.all(turns);
    await meanwhile();
    await sleep(1.5 * leaseSeconds * 1000);
    for (const { answer } of begun) answer();
    for (const [at, { id, streamed }] of begun.entries()) {
      await streamed;
      const events = await listAll(b.client, id);
      assert.equal(spoken(events), `Answered ${said} ${at}.`);
      assert.deepEqual(wereCut(events), [false], 'each kept its own');
      assertOrdered(events);
    }
  }

  test('again and again, in the middle of a turn: each keeps its own', () =>
    turnsOfBoth('jumps', async () => {
      for (const seconds of Object.values(jumps)) await setClock(clock, a, seconds);
    }));

  for (const seconds of [day, -day])
    test(`${seconds} seconds ahead from its start: each keeps its own, and the other goes on when it dies`, async () => {
      await a.kill();
      clock.set(seconds);
      a = await startA();
      await turnsOfBoth(`ahead by ${seconds}`, async () => {});
      const { id } = await openSession(a.client, byModel);
      const said = `killed ahead by ${seconds}`;
      const turn = model.hold(said);
      const streamed = collect(b.client, id, () => send(a.client, id, message(said)));
      await turn.asked;
      await a.kill();
      turn.answer();
      await streamed;
      const events = await listAll(b.client, id);
      assert.equal(spoken(events), `Answered ${said}.`);
      assertSteady(events);
    });

  test('nothing of this was logged as an error', () => {
    assert.deepEqual([a.errors(), b.errors()], [[], []]);
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { generator } from '../support/generator.ts';
import { eventually, processesWith } from '../support/server-processes.ts';
import { toolset, weather } from '../support/server-sessions.ts';
import { checkCalls, checkInputs, checkRest } from './checks.ts';
import type { Fleet, FleetKind, Replica } from './fleet.ts';
import { openFleet } from './fleet.ts';
import { moments } from './moments.ts';
import type { Outside } from './outside.ts';
import { openOutside } from './outside.ts';
import type { Shape } from './shapes.ts';
import { shapes } from './shapes.ts';
import type { Teller } from './teller.ts';
import { tellerOf } from './teller.ts';

const runs = Number(process.env['CRASH_RUNS'] ?? 25);
const firstSeed = Number(process.env['CRASH_SEED'] ?? 1);
const { tools: _lead, ...others } = shapes;
/** How often, of a hundred, servers are killed once more while they recover, and all of several at once. */
const percent = { again: 10, all: 10 } as const;

/**
 * Real servers, real sandboxes, the official client. Each run has five sessions of different shapes, kills a server
 * when the first of them has come to a chosen hop, starts it again, and looks at everything once all sessions rest.
 * `CRASH_RUNS=500` makes more of them, `CRASH_SEED=7` says where to begin.
 */
export function crashSuite(kind: FleetKind): void {
  describe(`kill -9 of ${kind}`, () => {
    let outside: Outside;
    let fleet: Fleet;
    let agent = '';
    let environment = '';
    /** Effects of the runs before. */
    const checked = new Set<string>();
    const tally = { kills: 0, sessions: 0, events: 0, unknown: 0 };
    before(async () => {
      outside = await openOutside();
      fleet = await openFleet(kind, outside, generator(firstSeed));
      const { agents, environments } = fleet.client.beta;
      const model = 'claude-opus-5-5';
      agent = (await agents.create({ name: 'Ant', model, tools: [toolset, weather] })).id;
      environment = (await environments.create({ name: 'hill' })).id;
    });
    after(async () => {
      await fleet.close();
      await outside.close();
      for (const { home } of fleet.replicas)
        await eventually(() => processesWith(home.dataDir).length === 0, 'no orphans');
    });

    async function openTeller(title: string): Promise<Teller> {
      const { id } = await fleet.client.beta.sessions.create({ agent, environment_id: environment, title });
      return await tellerOf(fleet, id);
    }

    async function run(seed: number): Promise<void> {
      const random = generator(seed);
      const moment = moments[seed % moments.length];
      const victim = fleet.replicas[Math.floor(random() * fleet.replicas.length)];
      assert.ok(moment && victim);
      const tellers: Teller[] = [];
      const told: Promise<unknown>[] = [];
      const tell = (story: Promise<unknown>) => {
        told.push(story);
        // Looked at when all are awaited.
        story.catch(() => undefined);
      };
      try {
        for (const shape of ['lead', ...Object.keys(others)]) tellers.push(await openTeller(shape));
        const [lead, ...rest] = tellers;
        assert.ok(lead);
        fleet.pinned.set(lead.sessionId, victim);
        for (const [at, [shape, story]] of Object.entries<Shape>(others).entries()) {
          const teller = rest[at];
          if (teller) tell(story(teller, `${seed}.${shape}`, outside));
        }
        const name = `${seed}.lead`;
        const begin = () => tell(shapes.tools(lead, name));
        const goOn = await moment.come({ fleet, outside, victim, teller: lead, name, random, begin });
        await crash(victim, random, goOn);
        await Promise.all(told);
        await check(tellers, await Promise.all(tellers.map((teller) => teller.rest())));
      } finally {
        for (const teller of tellers) await teller.close();
        for (const id of outside.effects.keys()) checked.add(id);
        fleet.posts.length = 0;
        fleet.pinned.clear();
      }
    }

    /** `goOn`: lets go of what waited for the death. */
    async function crash(victim: Replica, random: () => number, goOn?: () => unknown): Promise<void> {
      const victims = random() * 100 < percent.all ? fleet.replicas : [victim];
      const logged = victims.flatMap(({ server }) => server?.errors() ?? []);
      await Promise.all(victims.map(fleet.kill));
      await goOn?.();
      tally.kills += victims.length;
      // A server that is started at once meets what is left of the one before; otherwise nothing is.
      if (random() < 0.5)
        for (const { home } of victims)
          await eventually(() => processesWith(home.dataDir).length === 0, 'no process outlives its server');
      await Promise.all(victims.map(fleet.start));
      assert.deepEqual(logged, []);
      if (random() * 100 >= percent.again) return;
      await new Promise((resolve) => setTimeout(resolve, random() * 300));
      await fleet.kill(victim);
      tally.kills += 1;
      await fleet.start(victim);
    }

    async function check(
      tellers: readonly Teller[],
      logs: Awaited<ReturnType<Teller['rest']>>[],
    ): Promise<void> {
      const known: string[] = [];
      for (const [at, teller] of tellers.entries()) {
        const events = logs[at] ?? [];
        const posts = fleet.posts.filter(({ sessionId }) => sessionId === teller.sessionId);
        checkInputs(events, posts);
        known.push(...checkCalls(events, outside));
        checkRest(events, teller);
        tally.events += events.length;
        tally.unknown += JSON.stringify(events).split('its outcome is unknown').length - 1;
      }
      tally.sessions += tellers.length;
      const strange = [...outside.effects.keys()].filter((id) => !known.includes(id) && !checked.has(id));
      assert.deepEqual(strange, [], 'a tool ran without a call in any log');
      await eventually(() => processesWith(`sleep\0${outside.marker}`).length === 0, 'no command is left');
      assert.deepEqual(await fleet.database.complaints(), []);
    }

    for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
      const { hop, name } = moments[seed % moments.length] ?? {};
      test(`CRASH_SEED=${seed}, hop ${hop}: ${name}`, async (t) => {
        await run(seed).catch((cause: unknown) => {
          // Said at once: runs of hours are stopped before their end.
          t.diagnostic(String(cause));
          throw cause;
        });
        t.diagnostic(JSON.stringify(tally));
      });
    }
  });
}

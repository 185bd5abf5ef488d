import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { createFuse } from '../support/fuse.ts';
import {
  checkAnswers,
  checkFlushes,
  checkInputs,
  checkLog,
  checkRests,
  checkSideEffects,
  delivered,
} from '../support/log-checks.ts';
import type { World } from '../support/world.ts';
import { startWorld } from '../support/world.ts';
import { randomCrashes, randomStory } from './random-story.ts';

const runsDefault = 200;
const runsPerTest = 100;
const runsAtOnce = 8;

const seedWanted = process.env['SIMULATION_SEED'];
const first = seedWanted === undefined ? 1 : Number(seedWanted);
const runs = seedWanted === undefined ? Number(process.env['SIMULATION_RUNS'] ?? runsDefault) : 1;

/**
 * Each seed makes a session with a model, tools and a client, a schedule of delays, requests and wake-ups that come
 * twice, and crashes. `SIMULATION_RUNS=2000 npm test simulation` tells more of them, `SIMULATION_SEED=7 npm test simulation`
 * tells one again; only the order of what happens at the same time is not the seed's.
 */
describe('a server that is killed while anything may happen', () => {
  const total = { runs: 0, crashes: 0, records: 0 };
  after(() => assert.equal(total.runs, runs));

  for (let from = first; from < first + runs; from += runsPerTest) {
    const to = Math.min(from + runsPerTest, first + runs) - 1;
    test(`seeds ${from} to ${to}`, async (t) => {
      const seeds = Array.from({ length: to - from + 1 }, (_, index) => from + index);
      const one = async () => {
        for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
          const { crashes, records } = await tell(seed);
          total.runs += 1;
          total.crashes += crashes;
          total.records += records;
        }
      };
      await Promise.all(Array.from({ length: runsAtOnce }, one));
      t.diagnostic(`${total.runs} runs, ${total.crashes} crashes, ${total.records} log records so far`);
    });
  }
});

async function tell(seed: number): Promise<{ crashes: number; records: number }> {
  const fuses = [...randomCrashes(seed), Number.POSITIVE_INFINITY].map(createFuse);
  const story = randomStory(seed);
  try {
    const world = await startWorld(story.setting, [...fuses].values());
    try {
      await story.play(world);
      const records = await check(world);
      return { crashes: fuses.filter((fuse) => fuse.isBlown()).length, records };
    } finally {
      await world.close();
    }
  } catch (cause) {
    const deaths = fuses.map(({ steps }) => `${steps.length}: ${steps.at(-1)}`).join(', ');
    throw new Error(`SIMULATION_SEED=${seed} npm test simulation (lives ended at ${deaths})`, { cause });
  }
}

async function check(world: World): Promise<number> {
  const records = await world.records();
  const state = await world.state();
  checkLog(records, state);
  const events = delivered(records);
  checkRests(events);
  checkInputs(events);
  checkAnswers(events);
  checkFlushes(records);
  checkSideEffects(world.executed, events);
  const waiting = state.queue.filter(({ type }) => type !== 'system.message');
  assert.deepEqual(waiting, [], 'nothing waits at rest');
  const listed = await world.events();
  assert.deepEqual(
    listed.filter(({ processed_at: at }) => at != null),
    events,
    'lists and streams agree',
  );
  const known = new Set(records.flatMap(({ entry }) => (entry.kind === 'accepted' ? [entry.event.id] : [])));
  for (const id of world.acknowledged) assert.ok(known.has(id), `${id} was acknowledged`);
  return records.length;
}

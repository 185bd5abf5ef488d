import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { SessionEvent } from '../../src/protocol/events.ts';
import type { Fuse } from '../support/fuse.ts';
import { createFuse } from '../support/fuse.ts';
import { generator } from '../support/generator.ts';
import { assertSameStory, checkLog, checkSideEffects, delivered, storyOf } from '../support/log-checks.ts';
import { startWorld } from '../support/world.ts';
import type { Story } from './scenarios.ts';
import { stories } from './scenarios.ts';

const runsMin = 200;

/** Kills the server at every step of every story, and twice at seeded steps, and compares what a client sees. */
describe('a server that is killed', () => {
  let runs = 0;
  after(() => assert.ok(runs >= runsMin, `${runs} crashes were simulated`));

  for (const story of stories) {
    test(`at any step of: ${story.name}`, async () => {
      const never = createFuse(Number.POSITIVE_INFINITY);
      const expected = await tell(story, [never]);
      for (let step = 1; step <= never.steps.length; step++) {
        await compare(story, [step], expected);
        runs += 1;
      }
      for (let seed = 1; seed <= 10; seed++) {
        const random = generator(seed);
        const at = () => 1 + Math.floor(random() * never.steps.length);
        await compare(story, [at(), at()], expected);
        runs += 1;
      }
    });
  }
});

async function compare(
  story: Story,
  at: readonly number[],
  expected: readonly SessionEvent[],
): Promise<void> {
  const fuses = [...at, Number.POSITIVE_INFINITY].map(createFuse);
  try {
    const actual = await tell(story, fuses);
    if (!story.loose) {
      const crashes = fuses.filter((fuse) => fuse.isBlown()).length;
      assertSameStory(storyOf(actual), storyOf(expected), 2 * crashes);
    }
  } catch (cause) {
    const steps = fuses.map(({ steps }) => `${steps.length}: ${steps.at(-1)}`).join(', ');
    throw new Error(`killed at step ${at.join(' and ')} (${steps})`, { cause });
  }
}

async function tell(story: Story, fuses: readonly Fuse[]): Promise<readonly SessionEvent[]> {
  const world = await startWorld(story.setting, [...fuses].values());
  try {
    await story.play(world);
    const records = await world.records();
    checkLog(records, await world.state());
    const events = delivered(records);
    checkInputs(events);
    checkSideEffects(world.executed, events);
    return events;
  } finally {
    await world.close();
  }
}

/** The stories send no text twice: nothing was lost, nothing came twice. */
function checkInputs(events: readonly SessionEvent[]): void {
  const texts = events.flatMap((event) =>
    event.type === 'user.message' ? [JSON.stringify(event.content)] : [],
  );
  assert.equal(new Set(texts).size, texts.length, 'no message is doubled');
}

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { SessionEvent } from '../../src/protocol/events.ts';
import type { Story } from '../simulation/scenarios.ts';
import { createFuse } from '../support/fuse.ts';
import { checkLog, delivered, storyOf } from '../support/log-checks.ts';
import { startWorld } from '../support/world.ts';
import { goldenStories } from './golden-stories.ts';

const directory = join(import.meta.dirname, 'logs');
const fileOf = ({ name }: Story) => `${name.replaceAll(/[^a-z]+/g, '-')}.log`;

/**
 * The log of every story as a client sees it, one event a line, against the file that was reviewed.
 * `UPDATE_GOLDEN=1 npm test golden` rewrites the files: read the difference before you commit it.
 */
describe('golden session logs', () => {
  for (const story of goldenStories) {
    test(story.name, async () => {
      const text = `# ${story.name}\n${linesOf(await tell(story))}\n`;
      const path = join(directory, fileOf(story));
      if (process.env['UPDATE_GOLDEN']) {
        mkdirSync(directory, { recursive: true });
        writeFileSync(path, text);
      }
      assert.ok(existsSync(path), `${fileOf(story)} is missing: run UPDATE_GOLDEN=1 npm test golden`);
      assert.equal(text, readFileSync(path, 'utf8'));
    });
  }

  test('no file is left of a story that is gone', () => {
    assert.deepEqual(readdirSync(directory).sort(), goldenStories.map(fileOf).sort());
  });
});

async function tell(story: Story): Promise<readonly SessionEvent[]> {
  const world = await startWorld(story.setting, [createFuse(Number.POSITIVE_INFINITY)].values());
  try {
    await story.play(world);
    const events = delivered(await world.records());
    checkLog(await world.records(), await world.state());
    // With nothing queued, lists and streams show the same events in the same order.
    assert.deepEqual(await world.events(), events);
    return events;
  } finally {
    await world.close();
  }
}

function linesOf(events: readonly SessionEvent[]): string {
  return storyOf(events, { keepFailures: true })
    .map(({ type, ...rest }) => `${type} ${JSON.stringify(rest)}`)
    .join('\n');
}

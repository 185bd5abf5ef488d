import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';

const lanes = pathToFileURL(join(import.meta.dirname, 'support/lanes.ts')).href;

/** A process with two tests, the second of which leaves behind what `left` makes. */
function laneThatLeaves(left: string) {
  const program = `
    import { describe, test } from 'node:test';
    import { endLane } from ${JSON.stringify(lanes)};
    describe('some', () => void test('slow', () => new Promise((end) => setTimeout(end, 300))));
    test('last', () => { ${left} });
    endLane(100);`;
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return spawnSync(process.execPath, ['--input-type=module', '--eval', program], { env, encoding: 'utf8' });
}

describe('a lane whose tests have ended', () => {
  test('ends, when nothing is left', () => {
    const { status, stdout, stderr } = laneThatLeaves('setTimeout(() => {}, 10_000).unref()');
    assert.match(stdout, /pass 3/);
    assert.deepEqual([status, stderr], [0, '']);
  });

  test('ends too when a test left something open, says what it is, and fails', () => {
    const { status, stdout, stderr } = laneThatLeaves('setInterval(() => {}, 1000)');
    assert.match(stdout, /✔ last/);
    assert.match(stderr, /left something open .* Timeout/);
    assert.equal(status, 1);
  });
});

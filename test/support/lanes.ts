import { globSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

const root = join(import.meta.dirname, '../..');
/** One for each file in `test/lanes/`. */
const lanes = 2;
/** For what ends by itself when the tests have. */
const endMsMax = 30_000;

/** Every test file, or those whose path contains one of the words. */
export function testFiles(words: readonly string[]): string[] {
  return globSync(['src/**/*.test.ts', 'test/**/*.test.ts'], { cwd: root })
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
    .sort()
    .map((file) => join(root, file));
}

/** Half of all test files, as the tests of the file that calls this: every second one, for neighbours are alike. */
export async function runLane(lane: number): Promise<void> {
  const files = testFiles([]).filter((_, index) => index % lanes === lane);
  for (const file of files) await import(pathToFileURL(file).href);
  endLane(endMsMax);
}

/**
 * Called once all tests are known. A handle that one of them left open would keep the process, and with it the whole
 * run, alive: when it has not ended `graceMs` after its tests, it says what is left and fails.
 */
export function endLane(graceMs: number): void {
  // Tests of a file run one after the other, so this one is the last.
  void test('every test of this lane has ended', () => {
    setTimeout(() => {
      // The ways out of this process are among them.
      const left = process.getActiveResourcesInfo().join(', ');
      console.error(`a test left something open that keeps this process from ending, among ${left}`);
      process.exit(1);
    }, graceMs).unref();
  });
}

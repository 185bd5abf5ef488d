import { globSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = join(import.meta.dirname, '../..');
/** One for each file in `test/lanes/`. */
const lanes = 2;

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
}

import { globSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { ensureBubblewrap } from '../src/hands/bubblewrap/install.ts';
import { installPrograms } from './support/install-programs.ts';
import { testFiles } from './support/lanes.ts';

/**
 * `npm test [words]`: every test file in two processes at once, or those whose path contains one of the words in one:
 * many times faster than a process per file, and proof that no module keeps state.
 */
const lanes = globSync('lanes/*.ts', { cwd: import.meta.dirname }).map((file) =>
  join(import.meta.dirname, file),
);
const words = process.argv.slice(2);
/** A whole run takes some minutes; hundreds of crashes, asked for by their name, take hours. */
const runMsMax = (words.length === 0 ? 80 : 480) * 60_000;

try {
  // Sandbox tests are never skipped: without bubblewrap there is nothing to prove.
  await ensureBubblewrap({
    path: process.env['PATH'] ?? '',
    isRoot: process.getuid?.() === 0,
    say: (line) => console.error(line),
  });
  installPrograms((line) => console.error(line));
} catch (cause) {
  console.error(cause instanceof Error ? cause.message : cause);
  process.exit(1);
}

const events =
  words.length === 0
    ? run({ files: lanes, isolation: 'process', concurrency: lanes.length })
    : run({ files: testFiles(words), isolation: 'none', concurrency: false, timeout: 300_000 });
events.on('test:fail', () => {
  process.exitCode = 1;
});
let isSummed = false;
const underWay = new Set<string>();
events.on('test:dequeue', ({ name }) => underWay.add(name));
events.on('test:complete', ({ name }) => underWay.delete(name));
process.on('exit', () => {
  // Nothing was left to wait for, but not all tests had ended.
  if (!isSummed) process.exitCode = 1;
});
setTimeout(() => {
  console.error(`the tests hang: ended, in ${[...underWay].slice(-5).join(', ')}`);
  process.exit(1);
}, runMsMax).unref();
events.on('test:summary', ({ file }) => {
  // There is one for each file as well.
  if (file !== undefined) return;
  isSummed = true;
  // A leaked handle must not keep a finished run alive.
  setTimeout(() => process.exit(), 500).unref();
});
events.compose(spec).pipe(process.stdout);

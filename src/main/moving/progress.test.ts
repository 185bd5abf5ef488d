import assert from 'node:assert/strict';
import { test } from 'node:test';
import { capture } from '../../../test/support/cli-io.ts';
import { showProgress } from './progress.ts';

const amount = { rows: 12_345, contents: 6, bytes: 78_900_000 };

test('progress is one line that is written anew once a second, and is gone at the end', () => {
  let nowMs = 0;
  const stderr = capture(true);
  const progress = showProgress({ stderr }, () => nowMs);
  progress.tell('importing', amount);
  assert.equal(stderr.text, '');
  for (nowMs = 400; nowMs <= 2_400; nowMs += 400) progress.tell('importing', amount);
  const line = '\r\x1b[Kimporting: 12,345 rows, 6 contents, 79 MB';
  assert.equal(stderr.text, line + line);
  nowMs += 1_000;
  progress.tell('importing', amount, { ...amount, bytes: 2e9 });
  progress.end();
  progress.end();
  assert.equal(
    stderr.text,
    `${line + line}\r\x1b[Kimporting: 12,345 rows, 6 contents, 79 of 2,000 MB\r\x1b[K`,
  );
});

test('where standard error is no terminal, nobody sees progress', () => {
  let nowMs = 0;
  const stderr = capture();
  const progress = showProgress({ stderr }, () => nowMs);
  nowMs = 10_000;
  progress.tell('importing', amount);
  progress.end();
  assert.equal(stderr.text, '');
});

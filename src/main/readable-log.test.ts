import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { createLog } from '../base/log.ts';
import { readableLine } from './readable-log.ts';

/** What a person sees of one log call. */
function seen(write: (log: ReturnType<typeof createLog>) => void): string {
  const lines: string[] = [];
  write(createLog({ level: 'debug', write: (line) => void lines.push(readableLine(line)) }));
  return stripVTControlCharacters(lines.join(''));
}

describe('a readable log line', () => {
  test('is time, event and fields', () => {
    const line = seen((log) => log.info('server.ready', { port: 4141, host: 'here', list: [1] }));
    assert.match(line, /^\d\d:\d\d:\d\d server\.ready port=4141 host=here list=\[1\]\n$/);
  });

  test('shows where an error comes from', () => {
    const line = seen((log) => log.error('turn.failed', { cause: new Error('no such model') }));
    assert.match(line, /turn\.failed cause=\nError: no such model\n\s+at /);
  });
});

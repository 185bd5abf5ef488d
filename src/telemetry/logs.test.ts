import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LogRecord } from '@opentelemetry/api-logs';
import type { Log, LogFields } from '../base/log.ts';
import { exportedLog, tracedLog } from './logs.ts';

function recordingLog(lines: (readonly [string, LogFields])[]): Log {
  const write = (event: string, fields: LogFields = {}) => void lines.push([event, fields]);
  return { debug: write, info: write, warn: write, error: write };
}

describe('logs that are exported', () => {
  test('are written as before, and sent with their severity but for debug', () => {
    const lines: (readonly [string, LogFields])[] = [];
    const sent: LogRecord[] = [];
    const log = exportedLog(recordingLog(lines), { emit: (record) => void sent.push(record) });
    log.debug('a');
    log.warn('b', { count: 2, cause: new Error('no'), list: ['x'] });
    assert.deepEqual(
      lines.map(([event]) => event),
      ['a', 'b'],
    );
    const [record] = sent;
    assert.equal(sent.length, 1);
    assert.equal(record?.body, 'b');
    assert.equal(record?.severityText, 'warn');
    assert.equal(record?.attributes?.['count'], 2);
    assert.equal(record?.attributes?.['list'], '["x"]');
    assert.match(String(record?.attributes?.['cause']), /Error: no/);
  });

  test('name the trace of the turn they belong to', () => {
    const lines: (readonly [string, LogFields])[] = [];
    const log = tracedLog(recordingLog(lines), (id) => (id === 'sesn_1' ? 'abc' : null));
    log.info('a', { sessionId: 'sesn_1' });
    log.info('b', { sessionId: 'sesn_2' });
    log.info('c');
    assert.deepEqual(lines, [
      ['a', { sessionId: 'sesn_1', trace_id: 'abc' }],
      ['b', { sessionId: 'sesn_2' }],
      ['c', {}],
    ]);
  });
});

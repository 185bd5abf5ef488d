import type { Logger } from '@opentelemetry/api-logs';
import { SeverityNumber } from '@opentelemetry/api-logs';
import type { Log, LogFields } from '../base/log.ts';

type Level = 'debug' | 'info' | 'warn' | 'error';

const severities: Readonly<Record<Level, SeverityNumber>> = {
  debug: SeverityNumber.DEBUG,
  info: SeverityNumber.INFO,
  warn: SeverityNumber.WARN,
  error: SeverityNumber.ERROR,
};

/** Every line but debug also as a log record. */
export function exportedLog(log: Log, logger: Pick<Logger, 'emit'>): Log {
  const tell = (level: Level, event: string, fields: LogFields = {}) =>
    logger.emit({
      severityNumber: severities[level],
      severityText: level,
      body: event,
      attributes: Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, textOf(value)])),
    });
  return eachLevel((level) => (event, fields) => {
    log[level](event, fields);
    if (level !== 'debug') tell(level, event, fields);
  });
}

/** Lines about a session whose turn runs here name its trace. */
export function tracedLog(log: Log, traceIdOf: (sessionId: string) => string | null): Log {
  return eachLevel((level) => (event, fields = {}) => {
    const sessionId = fields['sessionId'];
    const traceId = typeof sessionId === 'string' ? traceIdOf(sessionId) : null;
    log[level](event, traceId === null ? fields : { ...fields, trace_id: traceId });
  });
}

function eachLevel(write: (level: Level) => Log[Level]): Log {
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

function textOf(value: unknown): string | number | boolean {
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string') return value;
  if (value instanceof Error) return value.stack ?? value.message;
  return JSON.stringify(value) ?? String(value);
}

import { pino } from 'pino';

/** One event name, structured fields, ids; never a secret, never a body. */
export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

/** `cause` is serialised with its stack and its own causes. */
export type LogFields = { readonly [name: string]: unknown; readonly cause?: unknown };

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

export type LogOptions = {
  readonly level: string;
  readonly write: (line: string) => void;
};

/** JSON lines, one per event. */
export function createLog({ level, write }: LogOptions): Log {
  const logger = pino(
    {
      level,
      base: null,
      messageKey: 'event',
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { cause: pino.stdSerializers.err },
    },
    { write },
  );
  return {
    debug: (event, fields = {}) => logger.debug(fields, event),
    info: (event, fields = {}) => logger.info(fields, event),
    warn: (event, fields = {}) => logger.warn(fields, event),
    error: (event, fields = {}) => logger.error(fields, event),
  };
}

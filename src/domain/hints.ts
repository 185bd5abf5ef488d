import type { SessionId } from '../base/ids.ts';
import type { LogRecord } from './session/entry.ts';
import type { Commit } from './session/session-log.ts';
import { needsWorker } from './work.ts';

/**
 * What another server on the same database did to a session, told after its commit. May get lost or come late: who
 * needs more reads the log.
 */
export type Hint = {
  readonly sessionId: SessionId;
  /** `seq` of the first and the last record of the commit. */
  readonly from: number;
  readonly to: number;
  /** `seq` of its first client event. */
  readonly accepted: number | null;
  /** The session is runnable and nobody took its lease. */
  readonly wakes: boolean;
  /** The environment whose queue may have grown. */
  readonly queue: string | null;
  readonly isTerminated: boolean;
  /** A brain of that server works on it: its files are there now. */
  readonly isDriven: boolean;
  /** The last records of a session that was deleted: its log is gone. */
  readonly farewell: readonly LogRecord[] | null;
};

export function hintOf({ sessionId, records, state, lease }: Commit): Hint {
  const accepted = records.find(({ entry }) => entry.kind === 'accepted')?.seq ?? null;
  const types = records.map(({ entry }) => (entry.kind === 'emitted' ? entry.event.type : null));
  return {
    sessionId,
    from: records[0]?.seq ?? 1,
    to: records.at(-1)?.seq ?? 0,
    accepted,
    wakes: state.wakeAtUs !== null && lease === undefined && accepted !== null,
    queue: state.selfHosted && needsWorker(records) ? state.environmentId : null,
    isTerminated: types.includes('session.status_terminated'),
    isDriven: records.some(({ entry }) => entry.kind === 'replied' || entry.kind === 'started'),
    farewell: types.includes('session.deleted') ? records : null,
  };
}

import type { EventId, SessionId } from '../base/ids.ts';
import type { PreviewEvent } from '../protocol/events.ts';
import type { LogRecord } from './session/entry.ts';
import type { Commit } from './session/session-log.ts';
import { needsWorker } from './work.ts';

/** What servers on one database tell each other. One that does not know a type of these leaves it unheard. */
export type Message = Hint | Freed | Heard | PreviewsWanted | PreviewsTold;

/** That server gave up sessions: there is something to claim. */
export type Freed = { readonly type: 'freed' };

/** A stream of that server showed what clients sent to another one: none that opens soon begins with it. */
export type Heard = { readonly type: 'heard'; readonly sessionId: SessionId; readonly accepted: number };

/** A stream of that server wants the previews of the reply that is under way, or begins. */
export type PreviewsWanted = { readonly type: 'previews_wanted'; readonly sessionId: SessionId };

/** A stretch of them: who has not heard all that came before `from` of this reply leaves it and the rest out. */
export type PreviewsTold = {
  readonly type: 'previews';
  readonly sessionId: SessionId;
  readonly requestId: EventId;
  /** Where the stretch begins, see `previewsLength` in previews.ts. */
  readonly from: number;
  readonly previews: readonly PreviewEvent[];
  /** They were previewed before somebody wanted them. */
  readonly isSoFar: boolean;
};

/**
 * What another server on the same database did to a session, told after its commit. May get lost or come late: who
 * needs more reads the log.
 */
export type Hint = {
  readonly type: 'commit';
  readonly sessionId: SessionId;
  /** `seq` of the first and the last record of the commit. */
  readonly from: number;
  readonly to: number;
  /** `seq` of its first client event. */
  readonly accepted: number | null;
  /** A stream of that server showed it: none that opens soon begins with it. */
  readonly isHeard: boolean;
  /** The session is runnable and nobody took its lease. */
  readonly wakes: boolean;
  /** The environment whose queue may have grown. */
  readonly queue: string | null;
  readonly isTerminated: boolean;
  /** A brain of that server works on it: its files are there now. */
  readonly isDriven: boolean;
  /** A request to the model has ended; one begins. */
  readonly isAnswered: boolean;
  readonly isAsked: boolean;
  /** The last records of a session that was deleted: its log is gone. */
  readonly farewell: readonly LogRecord[] | null;
};

export function hintOf({ sessionId, records, state, lease }: Commit, isHeard: boolean): Hint {
  const accepted = records.find(({ entry }) => entry.kind === 'accepted')?.seq ?? null;
  const types = records.map(({ entry }) => (entry.kind === 'emitted' ? entry.event.type : null));
  return {
    type: 'commit',
    sessionId,
    from: records[0]?.seq ?? 1,
    to: records.at(-1)?.seq ?? 0,
    accepted,
    isHeard,
    wakes: state.wakeAtUs !== null && lease === undefined && accepted !== null,
    queue: state.selfHosted && needsWorker(records) ? state.environmentId : null,
    isTerminated: types.includes('session.status_terminated'),
    isDriven: records.some(({ entry }) => entry.kind === 'replied' || entry.kind === 'started'),
    isAnswered: types.includes('span.model_request_end'),
    isAsked: types.lastIndexOf('span.model_request_start') > types.lastIndexOf('span.model_request_end'),
    farewell: types.includes('session.deleted') ? records : null,
  };
}

import type { SessionState } from '../domain/session/state.ts';
import type { SessionErrorObject } from '../protocol/session-errors.ts';

/** What was found wrong when the session was created: the first turn says so and goes on. */
export function errorsOfCreation({ activity, startErrors }: SessionState): readonly SessionErrorObject[] {
  return activity.runningSinceUs === activity.firstRunningAtUs ? startErrors : [];
}

import { draftOf } from '../domain/session/draft.ts';
import { recordBreakdown } from '../domain/session/replies.ts';
import type { Lease } from '../domain/session/session-log.ts';
import type { TurnDeps } from './turn.ts';

/** Ends a turn that a bug of ours broke, so that the session is not claimed and broken again at once. */
export async function breakDown(
  { log, clock, newId }: Pick<TurnDeps, 'log' | 'clock' | 'newId'>,
  lease: Lease,
): Promise<void> {
  await log.commit(
    lease.sessionId,
    (state) => {
      const draft = draftOf(state, { nowUs: clock.nowUs(), newId });
      recordBreakdown(draft, 'The server met an unexpected error in this turn.');
      return { entries: draft.entries(), result: null };
    },
    lease,
  );
}

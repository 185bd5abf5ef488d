import { draftOf } from '../domain/session/draft.ts';
import { recordBreakdown } from '../domain/session/replies.ts';
import type { Lease } from '../domain/session/session-log.ts';
import type { TurnDeps } from './turn.ts';

/** `bug`: the turn threw. `poison`: whoever drove the session died, with all its process, again and again. */
export type Breakdown = 'bug' | 'poison';

const messages: Readonly<Record<Breakdown, string>> = {
  bug: 'The server met an unexpected error in this turn.',
  poison:
    'The server died three times in a row while it worked on this turn, so it stopped the turn to keep other sessions running. Send a message to try again, or a different one if it was this turn that the server died of.',
};

/** Ends a turn that would break its brain, or the whole server, again as soon as it is claimed. */
export async function breakDown(
  { log, clock, newId }: Pick<TurnDeps, 'log' | 'clock' | 'newId'>,
  lease: Lease,
  why: Breakdown,
): Promise<void> {
  await log.commit(
    lease.sessionId,
    (state) => {
      const draft = draftOf(state, { nowUs: clock.nowUs(), newId });
      recordBreakdown(draft, messages[why]);
      return { entries: draft.entries(), result: null };
    },
    lease,
  );
}

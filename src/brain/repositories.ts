import type { Repositories } from '../domain/repositories.ts';
import { repositoriesOf } from '../domain/repositories.ts';
import type { SessionState } from '../domain/session/state.ts';
import { hasQueued } from '../domain/session/state.ts';
import type { SessionErrorObject } from '../protocol/session-errors.ts';

/** The repositories of one running turn's session, brought to their places before its first request. */
export type RepositoryLink = {
  missing(state: SessionState): 'connect' | 'wait' | null;
  connect(state: SessionState, signal: AbortSignal): Promise<void>;
  errors(): readonly SessionErrorObject[];
};

export function createRepositoryLink(repositories: Repositories): RepositoryLink {
  let errors: readonly SessionErrorObject[] | null = null;
  let isUnderWay = false;
  return {
    missing(state) {
      if (isUnderWay) return 'wait';
      const isOver = state.status !== 'running' && state.status !== 'rescheduling';
      const isNeeded = errors === null && repositoriesOf(state.resources).length > 0;
      return isNeeded && !isOver && !hasQueued(state, 'user.interrupt') ? 'connect' : null;
    },
    async connect({ id: sessionId, resources }, signal) {
      isUnderWay = true;
      // Who interrupts does not want to wait: cloning goes on, and the next turn but one asks what came of it.
      const brought = repositories.bring({ sessionId, resources });
      errors = await Promise.race([brought, aborted(signal)]);
      isUnderWay = false;
    },
    errors: () => errors ?? [],
  };
}

function aborted(signal: AbortSignal): Promise<readonly []> {
  if (signal.aborted) return Promise.resolve([]);
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve([]), { once: true }));
}

import type { SessionId } from '../base/ids.ts';
import type { Hands } from '../domain/hands.ts';
import { recipeOf, usesSandbox } from '../domain/hands.ts';
import type { Repositories } from '../domain/repositories.ts';
import type { Commit } from '../domain/session/session-log.ts';

/**
 * Keeps sandboxes and repositories in step with their sessions: provisioned in the background at creation, left to rest
 * at idle, released at archive, discarded at delete. Only hints; a tool call never depends on them.
 */
export function tendSandboxes(hands: Hands, repositories: Repositories): (commit: Commit) => void {
  async function release(sessionId: SessionId, discard: boolean): Promise<void> {
    await repositories.release(sessionId);
    await hands.release(sessionId, { discard });
  }

  return ({ sessionId, records, state }) => {
    // Its sandbox is a worker's.
    if (state.selfHosted) return;
    for (const { entry } of records) {
      if (entry.kind === 'created' && usesSandbox(state)) {
        hands.warm(recipeOf(state));
        repositories.warm({ sessionId, resources: state.resources });
      }
      if (entry.kind !== 'emitted') continue;
      if (entry.event.type === 'session.status_idle') hands.rest(sessionId);
      if (entry.event.type === 'session.status_terminated') void release(sessionId, false);
      if (entry.event.type === 'session.deleted') void release(sessionId, true);
    }
  };
}

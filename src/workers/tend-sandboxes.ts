import type { Hands } from '../domain/hands.ts';
import { recipeOf } from '../domain/hands.ts';
import type { Commit } from '../domain/session/session-log.ts';
import type { SessionAgent } from '../protocol/sessions.ts';

/**
 * Keeps sandboxes in step with their sessions: provisioned in the background at creation, left to rest
 * at idle, released at archive, discarded at delete. Only hints; a tool call never depends on them.
 */
export function tendSandboxes(hands: Hands): (commit: Commit) => void {
  return ({ sessionId, records, state }) => {
    // Its sandbox is a worker's.
    if (state.selfHosted) return;
    for (const { entry } of records) {
      if (entry.kind === 'created' && usesSandbox(state.agent)) {
        hands.warm(recipeOf(state));
      }
      if (entry.kind !== 'emitted') continue;
      if (entry.event.type === 'session.status_idle') hands.rest(sessionId);
      if (entry.event.type === 'session.status_terminated') void hands.release(sessionId, { discard: false });
      if (entry.event.type === 'session.deleted') void hands.release(sessionId, { discard: true });
    }
  };
}

function usesSandbox(agent: SessionAgent): boolean {
  return agent.tools.some((tool) => tool.type === 'agent_toolset_20260401');
}

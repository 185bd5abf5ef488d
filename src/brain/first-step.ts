import type { Clock } from '../base/clock.ts';
import type { NewId } from '../base/ids.ts';
import { repositoriesOf } from '../domain/repositories.ts';
import type { InFlight, Step } from '../domain/session/advance.ts';
import { advance } from '../domain/session/advance.ts';
import type { ContextWindow } from '../domain/session/compaction.ts';
import { draftOf } from '../domain/session/draft.ts';
import type { Decision } from '../domain/session/session-log.ts';
import type { SessionState } from '../domain/session/state.ts';
import type { ModelConfig } from '../protocol/agents.ts';
import { errorsOfCreation } from './start-errors.ts';

export type FirstStepDeps = {
  readonly clock: Clock;
  readonly newId: NewId;
  readonly windowOf: (model: ModelConfig) => ContextWindow;
};

const nothingInFlight: InFlight = { request: null, calls: new Set() };

/**
 * The request to the model that a turn begins with, for the commit that wakes the session. `null`: this turn begins
 * with something else, or a bug is in the way, which is the turn's to break on and not the client's.
 */
export function firstStep(deps: FirstStepDeps, state: SessionState): Decision<Step> | null {
  const { agent, resources } = state;
  if (agent.mcp_servers.length > 0 || repositoriesOf(resources).length > 0) return null;
  const draft = draftOf(state, { nowUs: deps.clock.nowUs(), newId: deps.newId });
  const startErrors = errorsOfCreation(state);
  try {
    const step = advance(draft, {
      inFlight: nothingInFlight,
      startErrors,
      window: deps.windowOf(agent.model),
    });
    return step.type === 'request' ? { entries: draft.entries(), result: step } : null;
  } catch {
    return null;
  }
}

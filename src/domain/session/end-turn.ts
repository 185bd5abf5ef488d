import type { StopDetails, StopReason } from '../../protocol/session-errors.ts';
import { isAtCap } from './budget.ts';
import type { Draft } from './draft.ts';
import { hasQueued } from './state.ts';
import { emitIdle, emitRunning } from './status.ts';

/**
 * Ends a turn. Its thread shows how it ended; a session at its cap shows that instead (spec/sessions.md,
 * Budgets). Messages that are still queued start the next turn, at the cap when the budget is raised.
 */
export function endTurn(draft: Draft, reason: StopReason, details: StopDetails | null = null): void {
  const isCapped = isAtCap(draft.state(), draft.nowUs);
  emitIdle(draft, reason, details, isCapped ? { type: 'budget_reached' } : reason);
  if (!isCapped && hasQueued(draft.state(), 'user.message')) emitRunning(draft);
}

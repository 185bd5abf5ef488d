import type { SessionState } from './state.ts';
import { totalMicroCents } from './summarize.ts';

const microCentsPerCent = 1_000_000;

/** The session has spent its budget, or can no longer be measured by it. Exact, not rounded. */
export function isAtCap(state: SessionState, nowUs: number): boolean {
  if (state.budget === null) return false;
  return state.usage.unpriced || totalMicroCents(state, nowUs) >= capMicroCents(state.budget);
}

export function capMicroCents(budget: NonNullable<SessionState['budget']>): number {
  return Number(budget.max_list_cost.amount) * microCentsPerCent;
}

import { formatUs } from '../../base/timestamp.ts';
import type { EventParams } from '../../protocol/event-params.ts';
import { invalid } from '../../protocol/refusal.ts';
import type { SessionAgent, SessionBudget } from '../../protocol/sessions.ts';
import { capMicroCents, isAtCap } from './budget.ts';
import { closeCalls, interruptedText } from './calls.ts';
import { acceptEvents } from './decide.ts';
import type { Draft, Moment } from './draft.ts';
import { consume, draftOf, emit } from './draft.ts';
import type { Entry, SessionBirth, SessionChanges } from './entry.ts';
import { evolve } from './evolve.ts';
import type { SessionState } from './state.ts';
import { hasQueued } from './state.ts';
import { emitRunning, emitTerminated } from './status.ts';
import { totalMicroCents } from './summarize.ts';

export type CreatedEntries = readonly [Entry & { kind: 'created' }, ...Entry[]];

/** The first entries of a log: birth, then the initial events, which start the first turn. */
export function createSession(
  birth: SessionBirth,
  initialEvents: readonly EventParams[],
  moment: Moment,
): CreatedEntries {
  const created = { kind: 'created', session: birth } as const;
  const draft = draftOf(evolve(null, { seq: 1, entry: created }), moment);
  if (initialEvents.length > 0) acceptEvents(draft, initialEvents, { field: 'initial_events' });
  return [created, ...draft.entries()];
}

/** What an update asks for, already resolved and validated: `undefined` keeps. */
export type RequestedChanges = {
  readonly title?: string | null;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly agent?: SessionAgent;
  readonly budget?: SessionBudget | null;
};

/**
 * `session.updated` is emitted iff something changed and carries only the changed parts
 * (spec/sessions.md, Update semantics). A raised or removed budget resumes paused work.
 */
export function updateSession(draft: Draft, requested: RequestedChanges): void {
  const before = draft.state();
  if (before.status === 'terminated') throw archivedRefusal(before);
  if (requested.agent !== undefined && before.status !== 'idle') {
    throw invalid(`agent can only be updated while the session is idle; it is ${before.status}`);
  }
  if (requested.budget !== undefined) checkBudget(before, requested.budget, draft.nowUs);
  const changes = changedParts(before, requested);
  if (Object.keys(changes).length === 0) return;
  const wasPaused = before.stopReason?.type === 'budget_reached';
  draft.append({ kind: 'configured', changes });
  const { metadata, ...rest } = changes;
  const shownMetadata = metadata && Object.keys(metadata).length > 0 ? { metadata: { ...metadata } } : {};
  emit(draft, { type: 'session.updated', ...rest, ...shownMetadata });
  const after = draft.state();
  const hasWork = after.round.owesReply || hasQueued(after, 'user.message');
  if (wasPaused && hasWork && !isAtCap(after, draft.nowUs)) emitRunning(draft);
}

function changedParts(state: SessionState, requested: RequestedChanges): SessionChanges {
  const differs = (a: unknown, b: unknown) => JSON.stringify(a) !== JSON.stringify(b);
  return {
    ...(requested.title !== undefined && requested.title !== state.title ? { title: requested.title } : {}),
    ...(requested.metadata && differs(sorted(requested.metadata), sorted(state.metadata))
      ? { metadata: requested.metadata }
      : {}),
    ...(requested.agent && differs(requested.agent, state.agent) ? { agent: requested.agent } : {}),
    ...(requested.budget !== undefined && differs(requested.budget, state.budget)
      ? { budget: requested.budget }
      : {}),
  };
}

function sorted(metadata: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
}

function checkBudget(state: SessionState, budget: SessionBudget | null, nowUs: number): void {
  if (budget === null) return;
  if (state.budget === null) {
    throw invalid(
      'budget_create_only: a budget can only be set when the session is created',
      'budget_create_only',
    );
  }
  if (budget.max_list_cost.amount === state.budget.max_list_cost.amount) return;
  if (state.usage.unpriced || capMicroCents(budget) <= totalMicroCents(state, nowUs)) {
    throw invalid(
      'budget_not_raised: budget.max_list_cost must be greater than the list cost consumed so far',
      'budget_not_raised',
    );
  }
}

/** One-way and idempotent. Nothing may be running. */
export function archiveSession(draft: Draft): void {
  const state = draft.state();
  if (state.archivedAtUs !== null) return;
  refuseWhileBusy(state, 'archived');
  closeCalls(draft, interruptedText);
  for (const event of draft.state().queue) consume(draft, event.id);
  emitTerminated(draft);
  draft.append({ kind: 'archived', atUs: draft.state().lastAtUs });
}

/** The last event of a log that is about to be removed; it reaches open streams only. */
export function deleteSession(draft: Draft): void {
  refuseWhileBusy(draft.state(), 'deleted');
  emit(draft, { type: 'session.deleted' });
}

function refuseWhileBusy(state: SessionState, verb: string): void {
  if (state.status !== 'running' && state.status !== 'rescheduling') return;
  throw invalid(
    `Session ${state.id} is ${state.status} and cannot be ${verb}; send a user.interrupt on its own and wait until it is idle`,
  );
}

export function archivedRefusal(state: SessionState) {
  const at = state.archivedAtUs === null ? '' : ` since ${formatUs(state.archivedAtUs)}`;
  return invalid(`Session ${state.id} is archived (and read-only)${at}`);
}

import type { SessionErrorObject } from '../../protocol/session-errors.ts';
import { compactionsMax, toolRoundsMax } from '../limits.ts';
import { isReadOnlyTool } from '../tools/builtin.ts';
import { isAtCap } from './budget.ts';
import { emitResult, errorResult, unknownOutcomeText } from './calls.ts';
import type { ContextWindow } from './compaction.ts';
import { clearOldResults, itemsToCompact } from './compaction.ts';
import type { Draft } from './draft.ts';
import { consume, emit } from './draft.ts';
import { endTurn } from './end-turn.ts';
import { closeRequest, endByInterrupt } from './interrupt.ts';
import type { Call } from './state.ts';
import { hasQueued, waitingCalls } from './state.ts';
import { emitError, emitRequiresAction, emitRunning, emitThreadRunning } from './status.ts';

/** What the brain must do next; everything else has been appended to the draft. */
export type Step =
  /** Ask the model. The span is open; the reply goes to `recordReply` or `recordFailure`. */
  | { readonly type: 'request'; readonly requestId: string }
  /** Ask the model for a summary of the first `items` of the conversation; it goes to `recordCompaction`. */
  | { readonly type: 'compact'; readonly items: number }
  /** Start these calls; their `started` entries are in the draft. Others may still be in flight. */
  | { readonly type: 'tools'; readonly calls: readonly Call[] }
  /** Work is in flight; come back when some of it has ended. */
  | { readonly type: 'wait' }
  /** Nothing to do: idle, rescheduled or terminated. */
  | { readonly type: 'rest' };

/** What this brain has in flight. Anything the log calls started and is not here died with another brain. */
export type InFlight = { readonly request: string | null; readonly calls: ReadonlySet<string> };

export type TurnInput = {
  readonly inFlight: InFlight;
  /** Errors met while starting the turn (MCP connections); listed between the two running events. */
  readonly startErrors: readonly SessionErrorObject[];
  readonly window: ContextWindow;
};

/**
 * Takes a running session as far as it goes without the outside world, and says what to do there.
 * Pure: a crash between two calls loses nothing, the next brain asks again.
 */
export function advance(draft: Draft, input: TurnInput): Step {
  const { status } = draft.state();
  if (status !== 'running' && status !== 'rescheduling') return { type: 'rest' };
  if (hasQueued(draft.state(), 'user.interrupt')) {
    if (isBusy(input.inFlight)) return { type: 'wait' };
    endByInterrupt(draft);
    return advance(draft, input);
  }
  if (input.inFlight.request !== null) return { type: 'wait' };
  if (status === 'rescheduling') emitRunning(draft);
  else if (draft.state().threadStatus !== 'running') {
    for (const error of input.startErrors) emitError(draft, error);
  }
  if (draft.state().threadStatus !== 'running') emitThreadRunning(draft);
  closeRequest(draft);
  return advanceCalls(draft, input) ?? advanceRound(draft, input);
}

function isBusy(inFlight: InFlight): boolean {
  return inFlight.request !== null || inFlight.calls.size > 0;
}

/** Tool calls of the last reply: run what may run, wait for what runs, idle for what waits on a client. */
function advanceCalls(draft: Draft, { inFlight }: TurnInput): Step | null {
  for (const call of draft.state().round.calls) {
    if (call.status !== 'started' || inFlight.calls.has(call.eventId) || isReadOnly(call)) continue;
    emitResult(draft, call, errorResult(unknownOutcomeText));
  }
  const runnable = draft
    .state()
    .round.calls.filter(
      (call) => call.status === 'ready' || (call.status === 'started' && !inFlight.calls.has(call.eventId)),
    );
  for (const call of runnable) draft.append({ kind: 'started', toolUseId: call.eventId });
  if (runnable.length > 0) return { type: 'tools', calls: runnable };
  if (inFlight.calls.size > 0) return { type: 'wait' };
  if (waitingCalls(draft.state()).length > 0) {
    emitRequiresAction(draft);
    return { type: 'rest' };
  }
  for (const call of draft.state().round.calls) {
    if (call.status === 'denied') emitResult(draft, call, errorResult(call.denial ?? 'Permission denied.'));
  }
  return null;
}

function isReadOnly(call: Call): boolean {
  return call.kind === 'builtin' && isReadOnlyTool(call.name);
}

/** All calls are answered: ask the model again, or end the turn. */
function advanceRound(draft: Draft, { window }: TurnInput): Step {
  const { round } = draft.state();
  if (round.toolRounds >= toolRoundsMax) return exhaust(draft, toolRoundsError());
  if (!round.owesReply && !hasQueued(draft.state(), 'user.message')) {
    endTurn(draft, { type: 'end_turn' });
    return { type: 'rest' };
  }
  if (isAtCap(draft.state(), draft.nowUs)) {
    endTurn(draft, { type: 'budget_reached' });
    return { type: 'rest' };
  }
  clearOldResults(draft, window);
  const items = itemsToCompact(draft.state(), window);
  if (items > 0)
    return round.compactions < compactionsMax
      ? { type: 'compact', items }
      : exhaust(draft, compactionsError());
  for (const event of draft.state().queue) {
    if (event.type === 'user.message' || event.type === 'system.message') consume(draft, event.id);
  }
  return { type: 'request', requestId: emit(draft, { type: 'span.model_request_start' }) };
}

/** `reason`: what the provider said, if it was asked once more. */
export function compactionsError(reason?: string): SessionErrorObject {
  const said = reason === undefined ? '' : ` ${reason}`;
  return {
    type: 'compaction_limit_reached_error',
    message: `The conversation does not fit the model's context window, and summarizing it did not help.${said}`,
    retry_status: { type: 'exhausted' },
  };
}

function toolRoundsError(): SessionErrorObject {
  return {
    type: 'tool_use_limit_reached_error',
    message: `The agent reached its limit of ${toolRoundsMax} tool-use rounds in one turn.`,
    retry_status: { type: 'exhausted' },
  };
}

/** The turn is dead: queued inputs are flushed (into the history, without a reply), next message starts anew. */
export function exhaust(draft: Draft, error: SessionErrorObject): Step {
  emitError(draft, error);
  for (const event of draft.state().queue) consume(draft, event.id);
  endTurn(draft, { type: 'retries_exhausted' });
  return { type: 'rest' };
}

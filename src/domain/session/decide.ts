import { unreachable } from '../../base/assert.ts';
import type { EventParams } from '../../protocol/event-params.ts';
import type { ClientEvent } from '../../protocol/events.ts';
import { invalid, Refusal } from '../../protocol/refusal.ts';
import { acceptance, phaseOf } from './acceptance.ts';
import { isAtCap } from './budget.ts';
import type { Draft } from './draft.ts';
import { consume } from './draft.ts';
import { endByInterrupt } from './interrupt.ts';
import type { Call, SessionState } from './state.ts';
import { earlyAnswer, hasQueued, waitingCalls } from './state.ts';
import { emitRequiresAction, emitRunning } from './status.ts';
import { checkSystemMessages, isResult } from './system-messages.ts';

/**
 * What a batch of client events does to a session: the events as accepted, in posted order.
 * All or nothing: the first refusal throws, naming its place in `field`, and nothing of the draft is kept.
 */
export function acceptEvents(
  draft: Draft,
  events: readonly EventParams[],
  { field = 'events', isWorker = false }: Sent = {},
): ClientEvent[] {
  const waitedBefore = waitingCalls(draft.state()).length;
  checkSystemMessages(events, field);
  const accepted = events.map((params, index) => {
    const path = `${field}[${index}]`;
    // The result it accompanies may leave others that are waited for.
    if (params.type === 'system.message' && isResult(events[index - 1])) return accept(draft, params);
    if (params.type === 'user.tool_result' && !isWorker) refuseResult(draft.state(), path);
    return acceptEvent(draft, params, path);
  });
  settleStatus(draft, waitedBefore);
  return accepted;
}

export type Sent = {
  /** Where the events stand in the request, for messages about them. */
  readonly field?: string;
  /** A worker of the session's environment sends them. */
  readonly isWorker?: boolean;
};

function refuseResult(state: SessionState, path: string): void {
  if (state.status === 'terminated') throw archivedRefusal(path);
  throw new Refusal(
    'permission',
    `${path}: user.tool_result is only accepted from workers of a self_hosted environment`,
  );
}

function acceptEvent(draft: Draft, params: EventParams, path: string): ClientEvent {
  const state = draft.state();
  const outcome = acceptance[phaseOf(state, draft.nowUs)][params.type];
  switch (outcome) {
    case 'start':
    case 'queue':
      checkThread(state, params);
      return accept(draft, params);
    case 'answer':
    case 'answer_of_worker':
      return acceptAnswer(draft, params, path);
    case 'interrupt':
    case 'ignore':
      checkThread(state, params);
      return acceptInterrupt(draft, params);
    case 'discard':
      checkThread(state, params);
      return echoOf(draft, params);
    case 'refuse_waiting':
      throw waitingRefusal(state, path);
    case 'refuse_capped':
      throw invalid(`${path}: ${cappedMessage}`);
    case 'refuse_archived':
      throw archivedRefusal(path);
    case 'refuse_unsupported':
      throw invalid(`${path}.type: "${params.type}" is not supported by this server version`);
    default:
      return unreachable(outcome);
  }
}

function archivedRefusal(path: string): Refusal {
  return invalid(`${path}: the session is archived (and read-only) and accepts no events`);
}

const answerTypes = 'user.tool_confirmation, user.custom_tool_result, user.tool_result, user.interrupt';
const cappedMessage = `the session has reached its budget and accepts only ${answerTypes}; raise or remove the budget to continue`;

function waitingRefusal(state: SessionState, path: string): Refusal {
  const ids = waitingCalls(state).map((call) => call.eventId);
  return invalid(
    `${path}: the session is waiting for an answer to ${ids.join(', ')}; it accepts only ${answerTypes}`,
  );
}

/** A queued client event: `processed_at` stays null until the turn consumes it. */
function accept(draft: Draft, params: EventParams): ClientEvent {
  const event = echoOf(draft, params);
  draft.append({ kind: 'accepted', event });
  return event;
}

function echoOf(draft: Draft, params: EventParams): ClientEvent {
  return { ...withoutNulls(params), id: draft.newId('sevt'), processed_at: null } as ClientEvent;
}

/** Optional event fields are omitted when unset (spec/README.md, Timestamps, booleans, nulls). */
function withoutNulls(params: EventParams): EventParams {
  const kept = Object.entries(params).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(kept) as EventParams;
}

function checkThread(state: SessionState, params: EventParams): void {
  if (params.type !== 'user.interrupt' || params.session_thread_id == null) return;
  const id = params.session_thread_id;
  if (!/^sthr_[A-Za-z0-9]{1,123}$/.test(id)) throw invalid(`Invalid thread ID: ${id}`);
  if (id !== state.threadId) throw new Refusal('not_found', `Thread not found: ${id}`);
}

/** On an idle session an interrupt takes effect in the same decision. */
function acceptInterrupt(draft: Draft, params: EventParams): ClientEvent {
  const event = accept(draft, params);
  if (waitingCalls(draft.state()).length > 0) endByInterrupt(draft);
  else consume(draft, event.id);
  return event;
}

function acceptAnswer(draft: Draft, params: EventParams, path: string): ClientEvent {
  if (params.type === 'user.tool_confirmation') return acceptConfirmation(draft, params, path);
  if (params.type === 'user.custom_tool_result') return acceptCustomResult(draft, params, path);
  if (params.type === 'user.tool_result') return acceptToolResult(draft, params, path);
  return unreachable(params as never);
}

type Confirmation = Extract<EventParams, { type: 'user.tool_confirmation' }>;

function acceptConfirmation(draft: Draft, params: Confirmation, path: string): ClientEvent {
  const call = pendingCall(draft.state(), params.tool_use_id, `${path}.tool_use_id`);
  if (call.kind === 'custom') {
    throw invalid(
      `${path}.tool_use_id: ${call.eventId} is a custom tool use; answer it with user.custom_tool_result`,
    );
  }
  if (call.status === 'assigned') throw notWaiting(`${path}.tool_use_id`, call);
  const event = accept(draft, params);
  consumeConfirmations(draft);
  return event;
}

type ToolResult = Extract<EventParams, { type: 'user.tool_result' }>;

/** What a worker's sandbox answered; processed on arrival. */
function acceptToolResult(draft: Draft, params: ToolResult, path: string): ClientEvent {
  const call = pendingCall(draft.state(), params.tool_use_id, `${path}.tool_use_id`);
  if (call.kind === 'custom') {
    throw invalid(
      `${path}.tool_use_id: ${call.eventId} is a custom tool use; answer it with user.custom_tool_result`,
    );
  }
  if (call.status !== 'assigned') {
    throw invalid(`${path}.tool_use_id: ${call.eventId} is waiting for a confirmation, not for a result`);
  }
  return acceptProcessed(draft, params);
}

type CustomResult = Extract<EventParams, { type: 'user.custom_tool_result' }>;

/** A result is processed on arrival, whatever order answers come in. */
function acceptCustomResult(draft: Draft, params: CustomResult, path: string): ClientEvent {
  const call = pendingCall(draft.state(), params.custom_tool_use_id, `${path}.custom_tool_use_id`);
  if (call.kind !== 'custom') {
    throw invalid(`${path}.custom_tool_use_id: ${call.eventId} is not a custom tool use`);
  }
  return acceptProcessed(draft, params);
}

function acceptProcessed(draft: Draft, params: EventParams): ClientEvent {
  const id = draft.newId('sevt');
  const event = { ...withoutNulls(params), id, processed_at: draft.stamp() } as ClientEvent;
  draft.append({ kind: 'accepted', event });
  consumeConfirmations(draft);
  return event;
}

function pendingCall(state: SessionState, id: string, path: string): Call {
  const call = state.round.calls.find((candidate) => candidate.eventId === id);
  if (!call) throw invalid(`${path}: no tool use ${id} is waiting for an answer`);
  if (call.status === 'assigned') return call;
  if (call.status !== 'waiting' || earlyAnswer(state, call)) throw notWaiting(path, call);
  return call;
}

function notWaiting(path: string, { eventId }: Call): Refusal {
  return invalid(`${path}: ${eventId} is not waiting for an answer`);
}

/** Confirmations received early stay unprocessed until every earlier call of the thread is settled. */
function consumeConfirmations(draft: Draft): void {
  for (const call of draft.state().round.calls) {
    if (call.status !== 'waiting') continue;
    const answer = earlyAnswer(draft.state(), call);
    if (!answer) return;
    consume(draft, answer.id);
  }
}

/** After the batch: wake an idle session that has work, or say again what it still waits for. */
function settleStatus(draft: Draft, waitedBefore: number): void {
  const state = draft.state();
  if (state.status !== 'idle') return;
  const waiting = waitingCalls(state).length;
  if (waiting > 0) {
    if (waiting < waitedBefore) emitRequiresAction(draft);
    return;
  }
  const answered = waitedBefore > 0 && state.round.calls.length > 0;
  const isHeld = isAtCap(state, draft.nowUs);
  if (answered || (hasQueued(state, 'user.message') && !isHeld)) emitRunning(draft);
}

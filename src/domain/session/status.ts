import type { SessionErrorObject, StopDetails, StopReason } from '../../protocol/session-errors.ts';
import type { Draft } from './draft.ts';
import { emit } from './draft.ts';
import { waitingCalls } from './state.ts';
import { usageSnapshot } from './summarize.ts';

/** The status events of a session and its primary thread, always in the order of spec/events.md. */

export function emitRunning(draft: Draft): void {
  emit(draft, { type: 'session.status_running' });
}

export function emitThreadRunning(draft: Draft): void {
  emit(draft, { type: 'session.thread_status_running', ...primaryThread(draft) });
}

/** thread idle, usage, idle: the three that end every turn, whatever the reason. */
export function emitIdle(
  draft: Draft,
  stop_reason: StopReason,
  stop_details: StopDetails | null = null,
  sessionReason: StopReason = stop_reason,
): void {
  emit(draft, { type: 'session.thread_status_idle', ...primaryThread(draft), stop_reason, stop_details });
  const state = draft.state();
  emit(draft, { type: 'session.usage', usage: usageSnapshot(state, state.lastAtUs), budget: state.budget });
  const sessionDetails = sessionReason === stop_reason ? stop_details : null;
  emit(draft, { type: 'session.status_idle', stop_reason: sessionReason, stop_details: sessionDetails });
}

export function emitRequiresAction(draft: Draft): void {
  emitIdle(draft, {
    type: 'requires_action',
    event_ids: waitingCalls(draft.state()).map((call) => call.eventId),
  });
}

export function emitRescheduled(draft: Draft): void {
  emit(draft, { type: 'session.thread_status_rescheduled', ...primaryThread(draft) });
  emit(draft, { type: 'session.status_rescheduled' });
}

export function emitTerminated(draft: Draft): void {
  emit(draft, { type: 'session.thread_status_terminated', ...primaryThread(draft) });
  emit(draft, { type: 'session.status_terminated' });
}

export function emitError(draft: Draft, error: SessionErrorObject): void {
  emit(draft, { type: 'session.error', error });
}

function primaryThread(draft: Draft): { agent_name: string; session_thread_id: string } {
  const state = draft.state();
  return { agent_name: state.agent.name, session_thread_id: state.threadId };
}

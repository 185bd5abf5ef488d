import type { EventParams } from '../../protocol/event-params.ts';
import { isAtCap } from './budget.ts';
import type { SessionState } from './state.ts';
import { waitingCalls } from './state.ts';

/** Where a session stands as far as accepting events goes (spec/events.md, By state). */
export type Phase = 'idle' | 'requires_action' | 'running' | 'rescheduling' | 'capped' | 'terminated';

/**
 * start: accepted and wakes the session · queue: accepted, consumed by the next model request ·
 * answer: settles a pending call, refused when it names none · answer_of_worker: likewise, from nobody else · interrupt / ignore: accepted, with or without effect ·
 * discard: answered as if accepted, but neither stored nor listed · refuse_*: 400 with the reason named.
 */
export type Outcome =
  | 'start'
  | 'queue'
  | 'answer'
  | 'answer_of_worker'
  | 'interrupt'
  | 'ignore'
  | 'discard'
  | 'refuse_waiting'
  | 'refuse_capped'
  | 'refuse_archived'
  | 'refuse_unsupported';

/**
 * The full table. Outcomes are not part of this server yet and are refused in every phase. A `system.message` right behind a result is queued in any phase that
 * takes the result.
 */
export const acceptance: Record<Phase, Record<EventParams['type'], Outcome>> = {
  idle: {
    'user.message': 'start',
    'user.interrupt': 'ignore',
    'user.tool_confirmation': 'answer',
    'user.custom_tool_result': 'answer',
    'user.tool_result': 'answer_of_worker',
    'user.define_outcome': 'refuse_unsupported',
    'system.message': 'queue',
  },
  requires_action: {
    'user.message': 'refuse_waiting',
    'user.interrupt': 'interrupt',
    'user.tool_confirmation': 'answer',
    'user.custom_tool_result': 'answer',
    'user.tool_result': 'answer_of_worker',
    'user.define_outcome': 'refuse_waiting',
    'system.message': 'refuse_waiting',
  },
  running: {
    'user.message': 'queue',
    'user.interrupt': 'queue',
    'user.tool_confirmation': 'answer',
    'user.custom_tool_result': 'answer',
    'user.tool_result': 'answer_of_worker',
    'user.define_outcome': 'refuse_unsupported',
    'system.message': 'queue',
  },
  rescheduling: {
    'user.message': 'queue',
    'user.interrupt': 'queue',
    'user.tool_confirmation': 'answer',
    'user.custom_tool_result': 'answer',
    'user.tool_result': 'answer_of_worker',
    'user.define_outcome': 'refuse_unsupported',
    'system.message': 'queue',
  },
  capped: {
    'user.message': 'refuse_capped',
    'user.interrupt': 'discard',
    'user.tool_confirmation': 'answer',
    'user.custom_tool_result': 'answer',
    'user.tool_result': 'answer_of_worker',
    'user.define_outcome': 'refuse_capped',
    'system.message': 'refuse_capped',
  },
  terminated: {
    'user.message': 'refuse_archived',
    'user.interrupt': 'refuse_archived',
    'user.tool_confirmation': 'refuse_archived',
    'user.custom_tool_result': 'refuse_archived',
    'user.tool_result': 'refuse_archived',
    'user.define_outcome': 'refuse_archived',
    'system.message': 'refuse_archived',
  },
};

export function phaseOf(state: SessionState, nowUs: number): Phase {
  if (state.status !== 'idle') return state.status;
  if (waitingCalls(state).length > 0) return 'requires_action';
  return isAtCap(state, nowUs) ? 'capped' : 'idle';
}

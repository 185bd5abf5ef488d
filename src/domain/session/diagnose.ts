import { formatUs } from '../../base/timestamp.ts';
import type { SessionDiagnosis } from '../../protocol/diagnosis.ts';
import type { Call, SessionState } from './state.ts';
import { waitingCalls } from './state.ts';

type Wait = SessionDiagnosis['waiting_for'][number];

/** What a session waits for, since when, and who can let it go on: for people who wonder why nothing happens. */
export function diagnose(state: SessionState): SessionDiagnosis {
  return {
    type: 'session_diagnosis',
    session_id: state.id,
    status: state.status,
    waiting_for: waitsOf(state),
  };
}

function waitsOf(state: SessionState): Wait[] {
  const since = formatUs(state.lastAtUs);
  const wait = (kind: Wait['kind'], releasedBy: Wait['released_by'], description: string): Wait => ({
    kind,
    description,
    event_id: null,
    since,
    until: null,
    released_by: releasedBy,
  });
  if (state.status === 'terminated') return [];
  if (state.status === 'rescheduling') {
    const { retryAtUs, attempts } = state.round;
    const retry = wait('retry', 'provider', `the model failed ${times(attempts)}; it is asked again`);
    return [{ ...retry, until: retryAtUs === null ? null : formatUs(retryAtUs) }];
  }
  const calls = waitingCalls(state).map((call) => callWait(call, since));
  if (calls.length > 0) return calls;
  if (state.status === 'idle') {
    if (state.stopReason?.type === 'budget_reached')
      return [wait('budget', 'client', 'its budget is spent; raise it and send a message')];
    return [wait('message', 'client', 'the next message')];
  }
  const running = state.round.calls.filter(({ status }) => status === 'started' || status === 'ready');
  if (state.round.openRequest !== null) return [wait('model', 'provider', `${state.agent.model.id} answers`)];
  if (running.length > 0)
    return running.map((call) => ({
      ...wait('tool', 'server', `${call.name} ${call.status === 'started' ? 'runs' : 'is about to run'}`),
      event_id: call.eventId,
    }));
  return [wait('brain', 'server', 'a free place to run, or its MCP servers and repositories')];
}

function callWait(call: Call, since: string): Wait {
  const common = { event_id: call.eventId, since, until: null };
  if (call.status === 'assigned')
    return {
      ...common,
      kind: 'worker',
      description: `a worker of its environment runs ${call.name}`,
      released_by: 'worker',
    };
  if (call.kind === 'custom')
    return {
      ...common,
      kind: 'custom_tool_result',
      description: `the result of ${call.name}, by user.custom_tool_result`,
      released_by: 'client',
    };
  return {
    ...common,
    kind: 'tool_confirmation',
    description: `permission to run ${call.name}, by user.tool_confirmation`,
    released_by: 'client',
  };
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

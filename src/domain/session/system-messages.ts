import type { EventParams } from '../../protocol/event-params.ts';
import { invalid } from '../../protocol/refusal.ts';
import type { ModelCatalog } from '../catalog.ts';
import type { SessionState } from './state.ts';

export function isResult(event: EventParams | undefined): boolean {
  return event?.type === 'user.custom_tool_result' || event?.type === 'user.tool_result';
}

/**
 * At most one in a request, as its last event, behind the message or the result that it accompanies; or
 * alone, which the official samples do (spec/events.md, What a client may send).
 */
export function checkSystemMessages(events: readonly EventParams[], field: string): void {
  const index = events.findIndex((event) => event.type === 'system.message');
  if (index === -1 || events.length === 1) return;
  const path = `${field}[${index}]`;
  if (index !== events.length - 1)
    throw invalid(`${path}: system.message must be the last event of its request, and only one is allowed`);
  const before = events[index - 1];
  if (before?.type === 'user.message' || isResult(before)) return;
  throw invalid(
    `${path}: system.message must directly follow a user.message, user.tool_result or user.custom_tool_result`,
  );
}

const errorCode = 'model_does_not_support_mid_conversation_system';

/** Only the model of the primary thread is looked at. */
export function checkSystemModel(
  { agent }: Pick<SessionState, 'agent'>,
  events: readonly EventParams[],
  catalog: ModelCatalog,
  field = 'events',
): void {
  const index = events.findIndex((event) => event.type === 'system.message');
  if (index === -1 || catalog.get(agent.model.id)?.midConversationSystem) return;
  throw invalid(
    `${field}[${index}]: ${errorCode}: model "${agent.model.id}" does not support system.message`,
    errorCode,
  );
}

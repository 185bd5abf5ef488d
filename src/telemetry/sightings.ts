import type { ReplyRecord } from '../domain/session/entry.ts';
import type { Commit } from '../domain/session/session-log.ts';
import type { Call } from '../domain/session/state.ts';
import type { SessionErrorObject, StopReason } from '../protocol/session-errors.ts';

/** What a commit says about the work on a session, in the words of telemetry. */
export type Sighting =
  | { readonly type: 'created' }
  | { readonly type: 'turn_started' }
  | { readonly type: 'turn_ended'; readonly reason: StopReason['type'] | 'terminated' }
  | { readonly type: 'request_started'; readonly id: string }
  /** `reply` is null where the request failed or was cut. */
  | { readonly type: 'request_ended'; readonly id: string; readonly reply: ReplyRecord | null }
  | { readonly type: 'call_started'; readonly id: string; readonly call: Call }
  | { readonly type: 'call_ended'; readonly id: string; readonly isError: boolean }
  | { readonly type: 'failed'; readonly error: SessionErrorObject['type'] };

/**
 * Reads a commit. The log is the only source of telemetry about sessions: what is counted and traced is what
 * happened, and nothing on the path of a turn knows of it.
 */
export function sightingsOf({ records, state }: Commit): Sighting[] {
  const replies = new Map<string, ReplyRecord>();
  for (const { entry } of records)
    if (entry.kind === 'replied') replies.set(entry.reply.requestId, entry.reply);
  return records.flatMap(({ entry }): Sighting[] => {
    if (entry.kind === 'created') return [{ type: 'created' }];
    if (entry.kind === 'started') {
      const call = state.round.calls.find(({ eventId }) => eventId === entry.toolUseId);
      return call ? [{ type: 'call_started', id: entry.toolUseId, call }] : [];
    }
    if (entry.kind !== 'emitted' && entry.kind !== 'accepted') return [];
    const { event } = entry;
    switch (event.type) {
      case 'session.status_running':
        return [{ type: 'turn_started' }];
      case 'session.status_idle':
        return [{ type: 'turn_ended', reason: event.stop_reason.type }];
      case 'session.status_terminated':
        return [{ type: 'turn_ended', reason: 'terminated' }];
      case 'session.error':
        return [{ type: 'failed', error: event.error.type }];
      case 'span.model_request_start':
        return [{ type: 'request_started', id: event.id }];
      case 'span.model_request_end': {
        const id = event.model_request_start_id;
        return [{ type: 'request_ended', id, reply: replies.get(id) ?? null }];
      }
      case 'agent.tool_result':
      case 'user.tool_result':
        return [{ type: 'call_ended', id: event.tool_use_id, isError: event.is_error === true }];
      case 'agent.mcp_tool_result':
        return [{ type: 'call_ended', id: event.mcp_tool_use_id, isError: event.is_error === true }];
      default:
        return [];
    }
  });
}

/** A tool as a label: names that clients and servers make up are left out, there is no end of them. */
export function toolLabel({ kind, name }: Pick<Call, 'kind' | 'name'>): string {
  return kind === 'builtin' ? name : kind;
}

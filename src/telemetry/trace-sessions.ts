import type { Context, Span, Tracer } from '@opentelemetry/api';
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { telemetryOpenMax } from '../domain/limits.ts';
import type { ReplyRecord } from '../domain/session/entry.ts';
import type { Commit } from '../domain/session/session-log.ts';
import type { Call, SessionState } from '../domain/session/state.ts';
import { createOpen } from './open.ts';
import { sightingsOf } from './sightings.ts';

export type SessionTraces = {
  readonly noticeCommit: (commit: Commit) => void;
  /** Of the turn that runs here; null: none. */
  readonly traceIdOf: (sessionId: string) => string | null;
};

/**
 * A trace per turn: `invoke_agent` with one `chat` per request to the model and one `execute_tool` per call below
 * it, by the semantic conventions for generative AI. Without texts: those are in the log of the session.
 */
export function traceSessions(tracer: Tracer): SessionTraces {
  const spans = createOpen<Span>(telemetryOpenMax, (span) => span.end());

  function begin(
    id: string,
    name: string,
    kind: SpanKind,
    attributes: Record<string, string>,
    context: Context,
  ): void {
    spans.put(id, tracer.startSpan(name, { kind, attributes }, context));
  }

  function below(sessionId: string): Context {
    const turn = spans.get(sessionId);
    return turn ? trace.setSpan(ROOT_CONTEXT, turn) : ROOT_CONTEXT;
  }

  function end(
    id: string,
    failure: string | null,
    attributes: Parameters<Span['setAttributes']>[0] = {},
  ): void {
    const span = spans.take(id);
    if (!span) return;
    span.setAttributes(attributes);
    if (failure !== null) {
      span.setAttribute('error.type', failure);
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end();
  }

  return {
    traceIdOf: (sessionId) => spans.get(sessionId)?.spanContext().traceId ?? null,
    noticeCommit(commit) {
      const { sessionId, state } = commit;
      for (const sighting of sightingsOf(commit)) {
        switch (sighting.type) {
          case 'turn_started':
            begin(
              sessionId,
              `invoke_agent ${state.agent.name}`,
              SpanKind.INTERNAL,
              agentOf(state),
              ROOT_CONTEXT,
            );
            break;
          case 'turn_ended': {
            const failure = sighting.reason === 'retries_exhausted' ? sighting.reason : null;
            end(sessionId, failure, { 'anthill.stop_reason': sighting.reason });
            break;
          }
          case 'request_started': {
            const model = state.agent.model.id;
            const attributes = { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': model };
            begin(sighting.id, `chat ${model}`, SpanKind.CLIENT, attributes, below(sessionId));
            break;
          }
          case 'request_ended':
            end(
              sighting.id,
              sighting.reply ? null : 'no_reply',
              sighting.reply ? replyOf(sighting.reply) : {},
            );
            break;
          case 'call_started': {
            const { call } = sighting;
            begin(
              sighting.id,
              `execute_tool ${call.name}`,
              SpanKind.INTERNAL,
              callOf(call),
              below(sessionId),
            );
            break;
          }
          case 'call_ended':
            end(sighting.id, sighting.isError ? 'tool_error' : null);
            break;
          case 'failed':
            spans.get(sessionId)?.addEvent('session.error', { 'error.type': sighting.error });
        }
      }
    },
  };
}

function agentOf({ id, agent, agentId, agentVersion }: SessionState): Record<string, string> {
  return {
    'gen_ai.operation.name': 'invoke_agent',
    'gen_ai.agent.id': agentId,
    'gen_ai.agent.name': agent.name,
    'gen_ai.agent.version': String(agentVersion),
    'gen_ai.conversation.id': id,
    'gen_ai.request.model': agent.model.id,
  };
}

function callOf({ eventId, kind, name, server }: Call): Record<string, string> {
  return {
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.name': name,
    'gen_ai.tool.call.id': eventId,
    'gen_ai.tool.type': kind === 'builtin' ? 'extension' : 'function',
    ...(server === null ? {} : { 'anthill.mcp_server.name': server }),
  };
}

function replyOf({ usage, servedBy, stopReason }: ReplyRecord) {
  const cacheCreation = usage.cacheCreation5mInputTokens + usage.cacheCreation1hInputTokens;
  return {
    'gen_ai.response.model': servedBy,
    'gen_ai.response.finish_reasons': [stopReason],
    'gen_ai.usage.input_tokens': usage.inputTokens + usage.cacheReadInputTokens + cacheCreation,
    'gen_ai.usage.output_tokens': usage.outputTokens,
    'gen_ai.usage.cache_read.input_tokens': usage.cacheReadInputTokens,
    'gen_ai.usage.cache_creation.input_tokens': cacheCreation,
  };
}

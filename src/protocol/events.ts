import { z } from 'zod';
import { redactedBlockSchema, resultBlockSchema, shownBlockSchema, textBlockSchema } from './content.ts';
import { sessionErrorSchema, stopDetailsSchema, stopReasonSchema } from './session-errors.ts';
import { budgetSchema, sessionAgentSchema, usageSnapshotSchema } from './sessions.ts';
import { metadataSchema, timestamp } from './text.ts';
import { workflowEvents } from './workflow-events.ts';

/** Every event a session's list and streams can show. */

const stamped = { id: z.string(), processed_at: timestamp };
/** Client events are shown while still queued: then `processed_at` is null. */
const queued = { id: z.string(), processed_at: timestamp.nullable().exactOptional() };
const ofThread = { session_thread_id: z.string().nullable().exactOptional() };
const result = {
  content: z.array(resultBlockSchema).exactOptional(),
  is_error: z.boolean().nullable().exactOptional(),
};
const toolInput = z.record(z.string(), z.unknown());

const evaluation = {
  evaluated_permission: z.enum(['allow', 'ask', 'deny']).exactOptional(),
  evaluation: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('always_allow') }),
      z.strictObject({ type: z.literal('always_ask') }),
      z.strictObject({
        type: z.literal('auto'),
        evaluated_permission: z.discriminatedUnion('type', [
          z.strictObject({ type: z.literal('allow') }),
          z.strictObject({ type: z.literal('ask'), reason_code: z.string() }),
          z.strictObject({ type: z.literal('deny'), reason_code: z.string() }),
        ]),
      }),
    ])
    .exactOptional(),
};

const userEvents = [
  z.strictObject({ type: z.literal('user.message'), ...queued, content: z.array(shownBlockSchema) }),
  z.strictObject({ type: z.literal('user.interrupt'), ...queued, ...ofThread }),
  z.strictObject({
    type: z.literal('user.tool_confirmation'),
    ...queued,
    ...ofThread,
    tool_use_id: z.string(),
    result: z.enum(['allow', 'deny']),
    deny_message: z.string().nullable().exactOptional(),
  }),
  z.strictObject({
    type: z.literal('user.custom_tool_result'),
    ...queued,
    ...ofThread,
    ...result,
    custom_tool_use_id: z.string(),
  }),
  z.strictObject({
    type: z.literal('user.tool_result'),
    ...queued,
    ...ofThread,
    ...result,
    tool_use_id: z.string(),
  }),
  z.strictObject({
    type: z.literal('user.define_outcome'),
    ...stamped,
    description: z.string(),
    max_iterations: z.int().nullable(),
    outcome_id: z.string(),
    rubric: z.discriminatedUnion('type', [
      z.strictObject({ type: z.literal('file'), file_id: z.string() }),
      z.strictObject({ type: z.literal('text'), content: z.string() }),
    ]),
  }),
  z.strictObject({ type: z.literal('system.message'), ...queued, content: z.array(textBlockSchema) }),
] as const;

const threadMessage = { ...stamped, content: z.array(shownBlockSchema) };

const agentEvents = [
  z.strictObject({
    type: z.literal('agent.message'),
    ...stamped,
    content: z.array(z.discriminatedUnion('type', [textBlockSchema, redactedBlockSchema])),
  }),
  z.strictObject({ type: z.literal('agent.thinking'), ...stamped }),
  z.strictObject({
    type: z.literal('agent.tool_use'),
    ...stamped,
    ...ofThread,
    ...evaluation,
    name: z.string(),
    input: toolInput,
  }),
  z.strictObject({ type: z.literal('agent.tool_result'), ...stamped, ...result, tool_use_id: z.string() }),
  z.strictObject({
    type: z.literal('agent.mcp_tool_use'),
    ...stamped,
    ...ofThread,
    ...evaluation,
    mcp_server_name: z.string(),
    name: z.string(),
    input: toolInput,
  }),
  z.strictObject({
    type: z.literal('agent.mcp_tool_result'),
    ...stamped,
    ...result,
    mcp_tool_use_id: z.string(),
  }),
  z.strictObject({
    type: z.literal('agent.custom_tool_use'),
    ...stamped,
    ...ofThread,
    name: z.string(),
    input: toolInput,
  }),
  z.strictObject({
    type: z.literal('agent.thread_message_received'),
    ...threadMessage,
    from_session_thread_id: z.string(),
    from_agent_name: z.string().nullable().exactOptional(),
  }),
  z.strictObject({
    type: z.literal('agent.thread_message_sent'),
    ...threadMessage,
    to_session_thread_id: z.string(),
    to_agent_name: z.string().nullable().exactOptional(),
  }),
  z.strictObject({ type: z.literal('agent.thread_context_compacted'), ...stamped }),
] as const;

const ofAgentThread = { ...stamped, agent_name: z.string(), session_thread_id: z.string() };
const stop = { stop_reason: stopReasonSchema, stop_details: stopDetailsSchema.nullable() };

const sessionEvents = [
  z.strictObject({ type: z.literal('session.error'), ...stamped, error: sessionErrorSchema }),
  z.strictObject({ type: z.literal('session.status_running'), ...stamped }),
  z.strictObject({ type: z.literal('session.status_idle'), ...stamped, ...stop }),
  z.strictObject({ type: z.literal('session.status_rescheduled'), ...stamped }),
  z.strictObject({ type: z.literal('session.status_terminated'), ...stamped }),
  z.strictObject({
    type: z.literal('session.thread_created'),
    ...ofAgentThread,
    workflow_run_id: z.string().nullable(),
  }),
  z.strictObject({ type: z.literal('session.thread_status_running'), ...ofAgentThread }),
  z.strictObject({ type: z.literal('session.thread_status_idle'), ...ofAgentThread, ...stop }),
  z.strictObject({ type: z.literal('session.thread_status_rescheduled'), ...ofAgentThread }),
  z.strictObject({ type: z.literal('session.thread_status_terminated'), ...ofAgentThread }),
  z.strictObject({
    type: z.literal('session.updated'),
    ...stamped,
    agent: sessionAgentSchema.nullable().exactOptional(),
    budget: budgetSchema.nullable().exactOptional(),
    metadata: metadataSchema.exactOptional(),
    title: z.string().nullable().exactOptional(),
  }),
  z.strictObject({
    type: z.literal('session.usage'),
    ...stamped,
    usage: usageSnapshotSchema,
    budget: budgetSchema.nullable().exactOptional(),
  }),
  z.strictObject({ type: z.literal('session.deleted'), ...stamped }),
] as const;

const spanUsage = z.strictObject({
  input_tokens: z.int(),
  output_tokens: z.int(),
  cache_read_input_tokens: z.int(),
  cache_creation_input_tokens: z.int(),
  speed: z.enum(['standard', 'fast']).nullable().exactOptional(),
});
const ofOutcome = { ...stamped, outcome_id: z.string(), iteration: z.int() };

const spanEvents = [
  z.strictObject({ type: z.literal('span.model_request_start'), ...stamped }),
  z.strictObject({
    type: z.literal('span.model_request_end'),
    ...stamped,
    is_error: z.boolean().nullable(),
    model_request_start_id: z.string(),
    model_usage: spanUsage,
  }),
  z.strictObject({ type: z.literal('span.outcome_evaluation_start'), ...ofOutcome }),
  z.strictObject({ type: z.literal('span.outcome_evaluation_ongoing'), ...ofOutcome }),
  z.strictObject({
    type: z.literal('span.outcome_evaluation_end'),
    ...ofOutcome,
    explanation: z.string(),
    outcome_evaluation_start_id: z.string(),
    result: z.string(),
    usage: spanUsage,
  }),
] as const;

/** What clients send, as it is stored and shown. */
export const clientEventSchema = z.discriminatedUnion('type', [...userEvents]);
export type ClientEvent = z.infer<typeof clientEventSchema>;

export const sessionEventSchema = z.discriminatedUnion('type', [
  ...userEvents,
  ...agentEvents,
  ...sessionEvents,
  ...spanEvents,
  ...workflowEvents,
]);
export type SessionEvent = z.infer<typeof sessionEventSchema>;

export const previewEventSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('event_start'),
    event: z.discriminatedUnion('type', [
      z.strictObject({ type: z.literal('agent.message'), id: z.string() }),
      z.strictObject({ type: z.literal('agent.thinking'), id: z.string() }),
    ]),
  }),
  z.strictObject({
    type: z.literal('event_delta'),
    event_id: z.string(),
    delta: z.strictObject({
      type: z.literal('content_delta'),
      index: z.int().exactOptional(),
      content: textBlockSchema,
    }),
  }),
]);
export type PreviewEvent = z.infer<typeof previewEventSchema>;

export const streamEventSchema = z.union([sessionEventSchema, previewEventSchema]);
export type StreamEvent = SessionEvent | PreviewEvent;

/** Types a list can be filtered by: every stored type; `session.deleted` only ever reaches open streams. */
export type EventType = Exclude<SessionEvent['type'], 'session.deleted'>;
export const eventTypes: readonly EventType[] = sessionEventSchema.options
  .map((option) => option.shape.type.value)
  .filter((type) => type !== 'session.deleted');

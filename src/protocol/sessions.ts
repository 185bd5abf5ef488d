import { z } from 'zod';
import { agentDefinition, agentSelection, mcpServersParams, toolsParams } from './agents.ts';
import { initialEventParams } from './event-params.ts';
import { advisorSchema, multiagentOf } from './multiagent.ts';
import { sessionResourceParams, sessionResourceSchema } from './session-resources.ts';
import { idSchema, metadataCreate, metadataPatch, metadataSchema, text, timestamp } from './text.ts';

export const sessionStatuses = ['rescheduling', 'running', 'idle', 'terminated'] as const;

const moneySchema = z.strictObject({ amount: z.string(), currency: z.literal('USD') });
const serverToolUseSchema = z.strictObject({
  web_search_requests: z.int().exactOptional(),
  web_fetch_requests: z.int().exactOptional(),
});

/** Usage as of one moment, in the event `session.usage`. */
export const usageSnapshotSchema = z.strictObject({
  input_tokens: z.int().exactOptional(),
  output_tokens: z.int().exactOptional(),
  cache_read_input_tokens: z.int().exactOptional(),
  cache_creation: z
    .strictObject({
      ephemeral_1h_input_tokens: z.int().exactOptional(),
      ephemeral_5m_input_tokens: z.int().exactOptional(),
    })
    .exactOptional(),
  list_cost: moneySchema.exactOptional(),
  active_seconds: z.number().exactOptional(),
  server_tool_use: serverToolUseSchema.exactOptional(),
});
export type UsageSnapshot = z.infer<typeof usageSnapshotSchema>;

/** Usage of a session or thread: the two figures that a server may not track yet can also be null. */
export const sessionUsageSchema = z.strictObject({
  ...usageSnapshotSchema.shape,
  list_cost: moneySchema.nullable().exactOptional(),
  server_tool_use: serverToolUseSchema.nullable().exactOptional(),
});

/** Integer cents as a string: no leading zero, no decimal point (spec/sessions.md, Budgets). */
const centsParams = z.string().superRefine((amount, context) => {
  if (!/^[1-9]\d{0,14}$/.test(amount)) {
    context.addIssue({ code: 'custom', message: 'must be a positive integer number of cents as a string' });
  }
});
export const budgetSchema = z.strictObject({ type: z.literal('limit'), max_list_cost: moneySchema });
export const budgetParams = z.strictObject({
  type: z.literal('limit'),
  max_list_cost: z.strictObject({ amount: centsParams, currency: z.literal('USD') }),
});
export type SessionBudget = z.infer<typeof budgetSchema>;

export const threadAgentSchema = z.strictObject({
  id: z.string(),
  type: z.literal('agent'),
  version: z.int(),
  ...agentDefinition,
});
export type ThreadAgent = z.infer<typeof threadAgentSchema>;

export const sessionAgentSchema = z.strictObject({
  ...threadAgentSchema.shape,
  multiagent: multiagentOf(
    threadAgentSchema,
    z.discriminatedUnion('type', [threadAgentSchema, advisorSchema]),
  ).nullable(),
});
export type SessionAgent = z.infer<typeof sessionAgentSchema>;

export const sessionSchema = z.strictObject({
  id: z.string(),
  type: z.literal('session'),
  status: z.enum(sessionStatuses),
  agent: sessionAgentSchema,
  environment_id: z.string(),
  title: z.string().nullable(),
  metadata: metadataSchema,
  budget: budgetSchema.nullable(),
  resources: z.array(sessionResourceSchema),
  vault_ids: z.array(z.string()),
  outcome_evaluations: z.array(
    z.strictObject({
      type: z.literal('outcome_evaluation'),
      outcome_id: z.string(),
      description: z.string(),
      iteration: z.int(),
      result: z.string(),
      explanation: z.string().nullable(),
      completed_at: timestamp.nullable(),
    }),
  ),
  stats: z.strictObject({
    active_seconds: z.number().exactOptional(),
    duration_seconds: z.number().exactOptional(),
  }),
  usage: sessionUsageSchema,
  deployment_id: z.string().nullable().exactOptional(),
  created_at: timestamp,
  updated_at: timestamp,
  archived_at: timestamp.nullable(),
});
export type Session = z.infer<typeof sessionSchema>;

export const sessionCreate = z.strictObject({
  agent: agentSelection,
  environment_id: idSchema,
  title: text(500).nullish(),
  metadata: metadataCreate.nullish(),
  budget: budgetParams.nullish(),
  initial_events: z.array(initialEventParams).max(50).nullish(),
  resources: z.array(sessionResourceParams).max(1000).nullish(),
  vault_ids: z.array(idSchema).max(50).nullish(),
});
export type SessionCreate = z.infer<typeof sessionCreate>;

export const sessionUpdate = z.strictObject({
  title: text(500, 1).nullish(),
  metadata: metadataPatch.nullish(),
  budget: budgetParams.nullish(),
  agent: z.strictObject({ tools: toolsParams.nullish(), mcp_servers: mcpServersParams.nullish() }).optional(),
  vault_ids: z.array(idSchema).optional(),
});
export type SessionUpdate = z.infer<typeof sessionUpdate>;

export const deletedSessionSchema = z.strictObject({ id: z.string(), type: z.literal('session_deleted') });

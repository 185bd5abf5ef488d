import { z } from 'zod';
import { shownBlockSchema, textBlockSchema } from './content.ts';
import { deploymentEventParams } from './event-params.ts';
import { scheduleParams, scheduleSchema } from './schedules.ts';
import { accessSchema, checkoutSchema, sessionResourceParams } from './session-resources.ts';
import { budgetParams, budgetSchema } from './sessions.ts';
import { idSchema, metadataCreate, metadataPatch, metadataSchema, text, timestamp } from './text.ts';

export const deploymentStatuses = ['active', 'paused'] as const;

const named = <Type extends string>(type: Type) => z.strictObject({ type: z.literal(type) });

/** The error of a run that pauses a scheduled deployment. */
const pausingErrorSchema = z.discriminatedUnion('type', [
  named('agent_archived_error'),
  named('environment_archived_error'),
  named('environment_not_found_error'),
  named('file_not_found_error'),
  named('mcp_egress_blocked_error'),
  named('memory_store_archived_error'),
  named('organization_disabled_error'),
  named('self_hosted_resources_unsupported_error'),
  named('session_resource_not_found_error'),
  named('skill_not_found_error'),
  named('unknown_error'),
  named('vault_archived_error'),
  named('vault_not_found_error'),
  named('workspace_archived_error'),
]);

const pausedReasonSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('manual') }),
  z.strictObject({ type: z.literal('error'), error: pausingErrorSchema }),
]);

export const agentReferenceSchema = z.strictObject({
  id: z.string(),
  type: z.literal('agent'),
  version: z.int(),
});
export type AgentReference = z.infer<typeof agentReferenceSchema>;

/** What was sent, without ids of its own: every session gets its own events. */
const initialEventSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('user.message'), content: z.array(shownBlockSchema) }),
  z.strictObject({
    type: z.literal('user.define_outcome'),
    description: z.string(),
    max_iterations: z.int().nullable().exactOptional(),
    rubric: z.discriminatedUnion('type', [
      z.strictObject({ type: z.literal('file'), file_id: z.string() }),
      z.strictObject({ type: z.literal('text'), content: z.string() }),
    ]),
  }),
  z.strictObject({ type: z.literal('system.message'), content: z.array(textBlockSchema) }),
]);

/** What was sent, without the token of a repository. */
const resourceConfigSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('file'),
    file_id: z.string(),
    mount_path: z.string().nullable().exactOptional(),
  }),
  z.strictObject({
    type: z.literal('github_repository'),
    url: z.string(),
    checkout: checkoutSchema.nullable().exactOptional(),
    mount_path: z.string().nullable().exactOptional(),
  }),
  z.strictObject({
    type: z.literal('memory_store'),
    memory_store_id: z.string(),
    access: accessSchema.nullable().exactOptional(),
    instructions: z.string().nullable().exactOptional(),
  }),
]);
export type ResourceConfig = z.infer<typeof resourceConfigSchema>;

export const deploymentSchema = z.strictObject({
  id: z.string(),
  type: z.literal('deployment'),
  name: z.string(),
  description: z.string().nullable(),
  agent: agentReferenceSchema,
  environment_id: z.string(),
  initial_events: z.array(initialEventSchema),
  resources: z.array(resourceConfigSchema),
  vault_ids: z.array(z.string()),
  budget: budgetSchema.nullable(),
  schedule: scheduleSchema.nullable(),
  metadata: metadataSchema,
  status: z.enum(deploymentStatuses),
  paused_reason: pausedReasonSchema.nullable(),
  created_at: timestamp,
  updated_at: timestamp,
  archived_at: timestamp.nullable(),
});
export type Deployment = z.infer<typeof deploymentSchema>;

/** An id pins the latest version. Overrides are for sessions only. */
const agentParams = z.union([
  idSchema,
  z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('agent'), id: idSchema, version: z.int().min(1).nullish() }),
  ]),
]);
export type DeploymentAgentParams = z.infer<typeof agentParams>;

const initialEventsParams = z
  .array(deploymentEventParams)
  .max(50)
  .superRefine((events, context) => {
    if (events.length > 0) return;
    const message = 'initial_events must contain at least 1 event';
    context.addIssue({ code: 'custom', message, params: { absolute: true } });
  });
const resourcesParams = z.array(sessionResourceParams).max(500);
const vaultIdsParams = z.array(idSchema).max(50);

export const deploymentCreate = z.strictObject({
  name: text(256, 1),
  agent: agentParams,
  environment_id: idSchema,
  initial_events: initialEventsParams,
  description: text(2048).nullish(),
  schedule: scheduleParams.nullish(),
  resources: resourcesParams.nullish(),
  vault_ids: vaultIdsParams.nullish(),
  budget: budgetParams.nullish(),
  metadata: metadataCreate.nullish(),
});
export type DeploymentCreate = z.infer<typeof deploymentCreate>;

export const deploymentUpdate = z.strictObject({
  name: text(256, 1).optional(),
  agent: agentParams.optional(),
  environment_id: idSchema.optional(),
  initial_events: initialEventsParams.optional(),
  description: text(2048).nullish(),
  schedule: scheduleParams.nullish(),
  resources: resourcesParams.nullish(),
  vault_ids: vaultIdsParams.nullish(),
  budget: budgetParams.nullish(),
  metadata: metadataPatch.nullish(),
});
export type DeploymentUpdate = z.infer<typeof deploymentUpdate>;

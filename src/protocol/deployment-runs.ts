import { z } from 'zod';
import { agentReferenceSchema } from './deployments.ts';
import { timestamp } from './text.ts';

export const triggerTypes = ['schedule', 'manual'] as const;

const triggerContextSchema = z.discriminatedUnion('type', [
  /** `scheduled_at`: when the expression matched, which is before the run started. */
  z.strictObject({ type: z.literal('schedule'), scheduled_at: timestamp }),
  z.strictObject({ type: z.literal('manual') }),
]);
export type TriggerContext = z.infer<typeof triggerContextSchema>;

const said = <Type extends string>(type: Type) =>
  z.strictObject({ type: z.literal(type), message: z.string() });

const runErrorSchema = z.discriminatedUnion('type', [
  said('agent_archived_error'),
  said('environment_archived_error'),
  said('environment_not_found_error'),
  said('file_not_found_error'),
  said('mcp_egress_blocked_error'),
  said('memory_store_archived_error'),
  said('organization_disabled_error'),
  said('self_hosted_resources_unsupported_error'),
  said('session_creation_rejected_error'),
  said('session_rate_limited_error'),
  said('session_resource_not_found_error'),
  said('skill_not_found_error'),
  said('unknown_error'),
  said('vault_archived_error'),
  said('vault_not_found_error'),
  said('workspace_archived_error'),
]);
export type RunError = z.infer<typeof runErrorSchema>;

/** Exactly one of `session_id` and `error` is not null. Never changed. */
export const deploymentRunSchema = z.strictObject({
  id: z.string(),
  type: z.literal('deployment_run'),
  deployment_id: z.string(),
  trigger_context: triggerContextSchema,
  session_id: z.string().nullable(),
  error: runErrorSchema.nullable(),
  agent: agentReferenceSchema,
  created_at: timestamp,
});
export type DeploymentRun = z.infer<typeof deploymentRunSchema>;

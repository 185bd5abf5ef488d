import { z } from 'zod';

/** Why a turn stopped, and what went wrong in it (spec/events.md, Stop reasons and Errors inside a session). */

export const stopReasonSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('end_turn') }),
  z.strictObject({ type: z.literal('requires_action'), event_ids: z.array(z.string()) }),
  z.strictObject({ type: z.literal('retries_exhausted') }),
  z.strictObject({ type: z.literal('budget_reached') }),
  z.strictObject({ type: z.literal('refusal') }),
]);
export type StopReason = z.infer<typeof stopReasonSchema>;

export const stopDetailsSchema = z.strictObject({
  type: z.literal('refusal'),
  category: z.enum(['cyber', 'bio', 'frontier_llm', 'reasoning_extraction', 'general_harms']).nullable(),
  explanation: z.string().nullable(),
});
export type StopDetails = z.infer<typeof stopDetailsSchema>;

const retryStatusSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('retrying') }),
  z.strictObject({ type: z.literal('exhausted') }),
  z.strictObject({ type: z.literal('terminal') }),
]);

const common = { message: z.string(), retry_status: retryStatusSchema };
const ofServer = { ...common, mcp_server_name: z.string() };
const ofRepository = { ...common, repository_url: z.string().nullable() };

export const sessionErrorSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('unknown_error'), ...common }),
  z.strictObject({ type: z.literal('model_overloaded_error'), ...common }),
  z.strictObject({ type: z.literal('model_rate_limited_error'), ...common }),
  z.strictObject({ type: z.literal('model_request_failed_error'), ...common }),
  z.strictObject({ type: z.literal('mcp_connection_failed_error'), ...ofServer }),
  z.strictObject({ type: z.literal('mcp_authentication_failed_error'), ...ofServer }),
  z.strictObject({ type: z.literal('billing_error'), ...common }),
  z.strictObject({
    type: z.literal('credential_host_unreachable_error'),
    ...common,
    credential_id: z.string(),
    vault_id: z.string(),
  }),
  z.strictObject({ type: z.literal('tool_use_limit_reached_error'), ...common }),
  z.strictObject({ type: z.literal('compaction_limit_reached_error'), ...common }),
  z.strictObject({ type: z.literal('repository_authentication_error'), ...ofRepository }),
  z.strictObject({ type: z.literal('repository_forbidden_error'), ...ofRepository }),
  z.strictObject({ type: z.literal('repository_not_found_error'), ...ofRepository }),
  z.strictObject({ type: z.literal('repository_checkout_error'), ...ofRepository }),
  z.strictObject({ type: z.literal('repository_clone_error'), ...ofRepository }),
]);
export type SessionErrorObject = z.infer<typeof sessionErrorSchema>;

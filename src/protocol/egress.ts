import { z } from 'zod';
import { timestamp } from './text.ts';

/** What was decided about connections out of a session's sandbox. Ours: the API of record has nothing of the kind. */

export const allowReasons = [
  'unrestricted',
  'allowed_host',
  'package_manager',
  'mcp_server',
  'repository',
] as const;
export const refusalReasons = [
  'host_not_allowed',
  'private_address',
  'own_address',
  'host_mismatch',
] as const;
export const failureReasons = ['name_not_found', 'unreachable'] as const;
export const egressResults = ['allowed', 'refused', 'failed'] as const;

export const egressDecisionSchema = z.strictObject({
  id: z.string(),
  type: z.literal('egress_decision'),
  session_id: z.string(),
  host: z.string(),
  port: z.int(),
  result: z.enum(egressResults),
  reason: z.enum([...allowReasons, ...refusalReasons, ...failureReasons]),
  created_at: timestamp,
});
export type EgressDecision = z.infer<typeof egressDecisionSchema>;

import { z } from 'zod';
import { agentDefinition } from './agents.ts';
import { advisorSchema } from './multiagent.ts';
import { sessionStatuses, sessionUsageSchema, threadAgentSchema } from './sessions.ts';
import { timestamp } from './text.ts';

export const threadSchema = z.strictObject({
  id: z.string(),
  type: z.literal('session_thread'),
  session_id: z.string(),
  parent_thread_id: z.string().nullable(),
  workflow_run_id: z.string().nullable(),
  agent: z.discriminatedUnion('type', [
    threadAgentSchema,
    advisorSchema,
    z.strictObject({ type: z.literal('inline'), ...agentDefinition }),
  ]),
  status: z.enum(sessionStatuses),
  stats: z
    .strictObject({
      active_seconds: z.number().exactOptional(),
      duration_seconds: z.number().exactOptional(),
      startup_seconds: z.number().exactOptional(),
    })
    .nullable(),
  usage: sessionUsageSchema.nullable(),
  created_at: timestamp,
  updated_at: timestamp,
  archived_at: timestamp.nullable(),
});
export type Thread = z.infer<typeof threadSchema>;

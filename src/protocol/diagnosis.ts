import { z } from 'zod';
import { sessionStatuses } from './sessions.ts';
import { timestamp } from './text.ts';

/** What a session waits for. Ours: the API of record has nothing of the kind. */

export const waitKinds = [
  'message',
  'tool_confirmation',
  'custom_tool_result',
  'worker',
  'budget',
  'retry',
  'brain',
  'model',
  'tool',
  'mcp_servers',
] as const;

export const sessionDiagnosisSchema = z.strictObject({
  type: z.literal('session_diagnosis'),
  session_id: z.string(),
  status: z.enum(sessionStatuses),
  /** Empty: for nothing, it has ended. */
  waiting_for: z.array(
    z.strictObject({
      kind: z.enum(waitKinds),
      /** A sentence for people. */
      description: z.string(),
      /** The call that is waited for; null where it is none. */
      event_id: z.string().nullable(),
      since: timestamp,
      /** Known only of retries. */
      until: timestamp.nullable(),
      released_by: z.enum(['client', 'worker', 'server', 'provider']),
    }),
  ),
});
export type SessionDiagnosis = z.infer<typeof sessionDiagnosisSchema>;

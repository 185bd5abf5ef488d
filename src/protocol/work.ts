import { z } from 'zod';
import { metadataPatch, metadataSchema, timestamp } from './text.ts';

/** Items of the work queue of a self-hosted environment (spec/self-hosted-work.md). */

export const workStates = ['queued', 'starting', 'active', 'stopping', 'stopped'] as const;
const state = z.enum(workStates);
export type WorkState = z.infer<typeof state>;

export const workSchema = z.strictObject({
  id: z.string(),
  type: z.literal('work'),
  environment_id: z.string(),
  /** The SDK knows health checks as well, which this server does not send. */
  data: z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('session'), id: z.string() }),
    z.strictObject({ type: z.literal('healthcheck'), id: z.string() }),
  ]),
  state,
  /** In the answer to a poll only: base64url of `{"sessions_token": …}`. */
  secret: z.string().nullable(),
  metadata: metadataSchema,
  created_at: timestamp,
  acknowledged_at: timestamp.nullable(),
  started_at: timestamp.nullable(),
  latest_heartbeat_at: timestamp.nullable(),
  stop_requested_at: timestamp.nullable(),
  stopped_at: timestamp.nullable(),
});
export type Work = z.infer<typeof workSchema>;

export const workHeartbeatSchema = z.strictObject({
  type: z.literal('work_heartbeat'),
  state,
  lease_extended: z.boolean(),
  /** Empty: there was none yet. */
  last_heartbeat: z.string(),
  ttl_seconds: z.int(),
});
export type WorkHeartbeat = z.infer<typeof workHeartbeatSchema>;

export const workStatsSchema = z.strictObject({
  type: z.literal('work_queue_stats'),
  depth: z.int(),
  pending: z.int(),
  oldest_queued_at: timestamp.nullable(),
  workers_polling: z.int().nullable(),
});
export type WorkStats = z.infer<typeof workStatsSchema>;

export const workUpdate = z.strictObject({ metadata: metadataPatch });
export type WorkUpdate = z.infer<typeof workUpdate>;

export const workStop = z.strictObject({ force: z.boolean().optional() });
export type WorkStop = z.infer<typeof workStop>;

/** What a first heartbeat expects to find. */
export const noHeartbeat = 'NO_HEARTBEAT';

/** A whole number of a query, within bounds. */
function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER) {
  return z
    .string()
    .transform((text, context) => {
      const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
      if (number >= min && number <= max) return number;
      const bound = max === Number.MAX_SAFE_INTEGER ? `at least ${min}` : `between ${min} and ${max}`;
      context.addIssue({ code: 'custom', message: `must be a whole number, ${bound}` });
      return z.NEVER;
    })
    .optional();
}

export const workPollQuery = z.strictObject({
  block_ms: wholeNumber(1, 999),
  reclaim_older_than_ms: wholeNumber(1),
});

export const workHeartbeatQuery = z.strictObject({
  desired_ttl_seconds: wholeNumber(0),
  expected_last_heartbeat: z.string().optional(),
});

import { z } from 'zod';
import { timestamp } from './text.ts';

/**
 * What the models of an organization were asked, by hour or day: the shape of the original's
 * `usage_report/messages` as far as this server knows it, with what it cost at list price.
 */

const count = z.number().int();

const usageRowSchema = z.strictObject({
  /** Null unless grouped by it. */
  workspace_id: z.string().nullable(),
  model: z.string().nullable(),
  uncached_input_tokens: count,
  cache_creation: z.strictObject({ ephemeral_1h_input_tokens: count, ephemeral_5m_input_tokens: count }),
  cache_read_input_tokens: count,
  output_tokens: count,
  /** Model requests that were answered. */
  requests: count,
  /** Time that sessions ran, counted when they come to rest. */
  active_seconds: z.number(),
  /** Cents with fractions: tokens at list price, and the time that sessions ran. */
  list_cost: z.strictObject({ amount: z.string(), currency: z.literal('USD') }),
  /** Requests to models without a list price: their tokens are counted, their cost is not. */
  unpriced_requests: count,
});
export type UsageRow = z.infer<typeof usageRowSchema>;

export const usageBucketSchema = z.strictObject({
  starting_at: timestamp,
  ending_at: timestamp,
  results: z.array(usageRowSchema),
});
export type UsageBucket = z.infer<typeof usageBucketSchema>;

export const usageDimensions = ['workspace_id', 'model'] as const;
export const bucketWidths = ['1d', '1h'] as const;

const list = z.array(z.string()).max(100).optional();
const time = z.iso.datetime({ offset: true });

export const usageReportQuery = {
  starting_at: time,
  ending_at: time.optional(),
  bucket_width: z.enum(bucketWidths).optional(),
  group_by: z.array(z.enum(usageDimensions)).max(usageDimensions.length).optional(),
  workspace_ids: list,
  models: list,
};

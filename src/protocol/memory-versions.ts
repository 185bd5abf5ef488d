import { z } from 'zod';
import { memoryViews } from './memories.ts';
import { idSchema, timestamp } from './text.ts';

const actorSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('session_actor'), session_id: z.string() }),
  z.strictObject({ type: z.literal('api_actor'), api_key_id: z.string() }),
  z.strictObject({ type: z.literal('user_actor'), user_id: z.string() }),
  z.strictObject({ type: z.literal('service_account_actor'), service_account_id: z.string() }),
]);
export type Actor = z.infer<typeof actorSchema>;

const operations = ['created', 'modified', 'deleted'] as const;
export type MemoryOperation = (typeof operations)[number];

export const memoryVersionSchema = z.strictObject({
  id: z.string(),
  type: z.literal('memory_version'),
  memory_store_id: z.string(),
  memory_id: z.string(),
  operation: z.enum(operations),
  /** Null once redacted, as everything else that the memory held. */
  path: z.string().nullable(),
  content: z.string().nullable(),
  content_sha256: z.string().nullable(),
  content_size_bytes: z.number().nullable(),
  created_at: timestamp,
  created_by: actorSchema,
  redacted_at: timestamp.nullable(),
  redacted_by: actorSchema.exactOptional(),
});
export type MemoryVersion = z.infer<typeof memoryVersionSchema>;

/** What a list of versions is asked for besides its window and its bounds in time. */
export const memoryVersionListQuery = {
  memory_id: idSchema.optional(),
  operation: z.enum(operations).optional(),
  session_id: idSchema.optional(),
  api_key_id: idSchema.optional(),
  service_account_id: idSchema.optional(),
  view: z.enum(memoryViews).optional(),
};

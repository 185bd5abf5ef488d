import { z } from 'zod';
import { metadataCreate, metadataPatch, metadataSchema, text, timestamp } from './text.ts';

export const memoryStoreSchema = z.strictObject({
  id: z.string(),
  type: z.literal('memory_store'),
  name: z.string(),
  description: z.string(),
  metadata: metadataSchema,
  created_at: timestamp,
  updated_at: timestamp,
  archived_at: timestamp.nullable(),
});
export type MemoryStore = z.infer<typeof memoryStoreSchema>;

const storeName = text(255, 1).superRefine((name, context) => {
  if (/\p{Cc}/u.test(name)) {
    context.addIssue({ code: 'custom', message: 'must not contain control characters' });
  }
});

export const memoryStoreCreate = z.strictObject({
  name: storeName,
  description: text(1024).nullish(),
  metadata: metadataCreate.nullish(),
});
export type MemoryStoreCreate = z.infer<typeof memoryStoreCreate>;

export const memoryStoreUpdate = z.strictObject({
  name: storeName.nullish().superRefine((name, context) => {
    if (name === null) context.addIssue({ code: 'custom', message: 'cannot be null' });
  }),
  description: text(1024).nullish(),
  metadata: metadataPatch.nullish(),
});
export type MemoryStoreUpdate = z.infer<typeof memoryStoreUpdate>;

export const deletedMemoryStoreSchema = z.strictObject({
  id: z.string(),
  type: z.literal('memory_store_deleted'),
});
export type DeletedMemoryStore = z.infer<typeof deletedMemoryStoreSchema>;

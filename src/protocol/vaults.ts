import { z } from 'zod';
import { metadataCreate, metadataPatch, metadataSchema, text, timestamp } from './text.ts';

export const vaultSchema = z.strictObject({
  id: z.string(),
  type: z.literal('vault'),
  display_name: z.string(),
  metadata: metadataSchema,
  created_at: timestamp,
  updated_at: timestamp,
  archived_at: timestamp.nullable(),
});
export type Vault = z.infer<typeof vaultSchema>;

export const vaultCreate = z.strictObject({
  display_name: text(255, 1),
  metadata: metadataCreate.optional(),
});
export type VaultCreate = z.infer<typeof vaultCreate>;

export const vaultUpdate = z.strictObject({
  display_name: text(255, 1).nullish(),
  metadata: metadataPatch.nullish(),
});
export type VaultUpdate = z.infer<typeof vaultUpdate>;

export const deletedVaultSchema = z.strictObject({ id: z.string(), type: z.literal('vault_deleted') });

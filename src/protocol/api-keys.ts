import { z } from 'zod';
import { idSchema, text, timestamp } from './text.ts';

/** API keys as `organization.apiKeys` of the SDK has them. A secret is in the answer to its creation only. */

/** Where a key acts: in one workspace, or for the whole organization, which makes it an admin's. */
const scopeSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('workspace'), workspace_id: z.string() }),
  z.strictObject({ type: z.literal('organization') }),
]);

/** Users and service accounts do not exist here, so nothing is ever done in the name of one. */
const principalSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('user_actor'), user_id: z.string() }),
  z.strictObject({ type: z.literal('service_account_actor'), service_account_id: z.string() }),
]);
const creatorSchema = z.strictObject({ id: z.string(), type: z.enum(['service_account', 'user']) });

export const apiKeyStatuses = ['active', 'archived', 'expired', 'inactive'] as const;

export const apiKeySchema = z.strictObject({
  id: z.string(),
  type: z.literal('api_key'),
  name: z.string(),
  status: z.enum(apiKeyStatuses),
  scope: scopeSchema,
  partial_key_hint: z.string().nullable(),
  principal: principalSchema.nullable(),
  created_by: creatorSchema.nullable(),
  created_at: timestamp,
  expires_at: timestamp.nullable(),
});
export type ApiKey = z.infer<typeof apiKeySchema>;

/** Ours: the original makes keys in its Console only. */
export const newApiKeySchema = z.strictObject({ ...apiKeySchema.shape, secret: z.string() });
export type NewApiKey = z.infer<typeof newApiKeySchema>;

const name = text(500, 1);

export const apiKeyCreate = z.strictObject({
  name,
  scope: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('workspace'), workspace_id: idSchema }),
      z.strictObject({ type: z.literal('organization') }),
    ])
    .nullish(),
  expires_at: z.string().nullish(),
});
export type ApiKeyCreate = z.infer<typeof apiKeyCreate>;

export const apiKeyUpdate = z.strictObject({
  name: name.nullish(),
  status: z.enum(['active', 'archived', 'inactive']).nullish(),
});
export type ApiKeyUpdate = z.infer<typeof apiKeyUpdate>;

import { z } from 'zod';
import { text, timestamp } from './text.ts';

/** Keys of workers, each for one environment. Ours: the original makes them in its Console only. */

export const environmentKeySchema = z.strictObject({
  id: z.string(),
  type: z.literal('environment_key'),
  environment_id: z.string(),
  name: z.string(),
  partial_key_hint: z.string(),
  created_at: timestamp,
  revoked_at: timestamp.nullable(),
});
export type EnvironmentKey = z.infer<typeof environmentKeySchema>;

export const newEnvironmentKeySchema = z.strictObject({ ...environmentKeySchema.shape, secret: z.string() });
export type NewEnvironmentKey = z.infer<typeof newEnvironmentKeySchema>;

export const environmentKeyCreate = z.strictObject({ name: text(500, 1) });
export type EnvironmentKeyCreate = z.infer<typeof environmentKeyCreate>;

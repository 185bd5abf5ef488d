import { z } from 'zod';
import { formFile } from './form.ts';
import { idSchema, timestamp } from './text.ts';

/** Files as the API shows them (spec/files.md). */
export const fileSchema = z.strictObject({
  id: idSchema,
  type: z.literal('file'),
  filename: z.string(),
  mime_type: z.string(),
  size_bytes: z.int(),
  /** Uploads are not: only what a session's tools made is. */
  downloadable: z.boolean(),
  created_at: timestamp,
  expires_at: timestamp.nullable(),
  /** The session a file belongs to; null: it was uploaded. */
  scope: z.strictObject({ type: z.literal('session'), id: z.string() }).nullable(),
});
export type FileMetadata = z.infer<typeof fileSchema>;

export const deletedFileSchema = z.strictObject({ id: z.string(), type: z.literal('file_deleted') });

const expirySecondsMin = 3_600;
const expirySecondsMax = 7_776_000;

export const fileUploadFields = z.strictObject({
  file: formFile,
  expires_in_seconds: z
    .string()
    .transform((digits, context) => {
      const seconds = /^\d{1,15}$/.test(digits) ? Number(digits) : 0;
      if (seconds >= expirySecondsMin && seconds <= expirySecondsMax) return seconds;
      const message = `must be between ${expirySecondsMin} and ${expirySecondsMax} seconds`;
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    })
    .meta({ type: 'integer', minimum: expirySecondsMin, maximum: expirySecondsMax })
    .optional(),
});

export const fileIdsMax = 100;
export const fileListQuery = { ids: z.array(idSchema).optional(), scope_id: idSchema.optional() };
/** The older list goes on from an id as well as from a cursor. */
export const olderFileListQuery = {
  ...fileListQuery,
  after_id: idSchema.optional(),
  before_id: idSchema.optional(),
};

import { z } from 'zod';
import type { Form, FormPart } from './form.ts';
import { formFile } from './form.ts';
import { text, timestamp } from './text.ts';

/**
 * Skills as `client.skills` and `client.beta.skills` see them, and as clients that send the beta value
 * `skills-2025-10-02` do (`old…`).
 */

export const skillSources = ['custom', 'anthropic'] as const;

export const skillSchema = z.strictObject({
  id: z.string(),
  type: z.literal('skill'),
  display_name: z.string(),
  latest_version_id: z.string(),
  source: z.strictObject({ type: z.enum(skillSources) }),
  created_at: timestamp,
  updated_at: timestamp,
});
export type Skill = z.infer<typeof skillSchema>;

export const skillVersionSchema = z.strictObject({
  id: z.string(),
  type: z.literal('skill_version'),
  skill_id: z.string(),
  name: z.string(),
  description: z.string(),
  created_at: timestamp,
});
export type SkillVersion = z.infer<typeof skillVersionSchema>;

export const deletedSkillSchema = z.strictObject({ id: z.string(), type: z.literal('skill_deleted') });
export const deletedSkillVersionSchema = z.strictObject({
  id: z.string(),
  type: z.literal('skill_version_deleted'),
});

/** One line for people; it need not be unique. */
const displayName = text(255, 1).superRefine((name, context) => {
  if (/\p{Cc}/u.test(name)) context.addIssue({ code: 'custom', message: 'must be a single line' });
});

/** Beyond what a bundle may weigh: what is a little too large is told so, what is far too large is not read. */
const filesBytesMax = 64 * 1024 * 1024;
const files = z.array(formFile).min(1);

export const skillForm = {
  /** `display_title` is the older name, for clients that send the older beta value. */
  fields: z.strictObject({
    files,
    display_name: displayName.optional(),
    display_title: displayName.optional().meta({ deprecated: true }),
  }),
  filesBytesMax,
  partsMax: 1_100,
} as const satisfies Form;

export const skillVersionForm = {
  fields: z.strictObject({ files }),
  filesBytesMax,
  partsMax: 1_100,
} as const satisfies Form;
export type SkillPart = FormPart<typeof skillForm.fields> | FormPart<typeof skillVersionForm.fields>;

export type OldSkill = {
  readonly id: string;
  readonly type: 'skill';
  readonly display_title: string | null;
  /** The number of a version: decimal microseconds since the Unix epoch. */
  readonly latest_version: string | null;
  readonly source: (typeof skillSources)[number];
  readonly created_at: string;
  readonly updated_at: string;
};

export type OldSkillVersion = SkillVersion & { readonly version: string; readonly directory: string };

import { z } from 'zod';
import { codePoints, text, timestamp } from './text.ts';

/** Workspaces and the organization they stand in, as the SDK's `organization` has them. */

export const organizationSchema = z.strictObject({
  id: z.string(),
  type: z.literal('organization'),
  name: z.string(),
});
export type OrganizationInfo = z.infer<typeof organizationSchema>;

const geo = z.enum(['global', 'us']);
const geos = z.union([z.literal('unrestricted'), z.array(geo)]);

export const workspaceSchema = z.strictObject({
  id: z.string(),
  type: z.literal('workspace'),
  name: z.string(),
  display_color: z.string(),
  tags: z.record(z.string(), z.string()),
  /** Constant, as the four below: one machine, one master key, no user profiles. */
  data_residency: z.strictObject({
    allowed_inference_geos: geos,
    default_inference_geo: geo,
    workspace_geo: z.literal('us'),
  }),
  compartment_id: z.string(),
  external_key_id: z.string().nullable(),
  user_profile_id: z.string().nullable(),
  created_at: timestamp,
  archived_at: timestamp.nullable(),
});
export type Workspace = z.infer<typeof workspaceSchema>;

const color = z.string().superRefine((value, context) => {
  if (!/^#[0-9A-Fa-f]{6}$/.test(value))
    context.addIssue({ code: 'custom', message: 'must be a colour such as #6C5BB9', input: value });
});

const tagsMax = 16;
const tagKeyMax = 64;
const tagValueMax = 512;

function checkedTags<T extends z.ZodType<Record<string, string | null>>>(schema: T) {
  return schema.superRefine((tags, context) => {
    const problem = tagsProblem(tags);
    if (problem !== null) context.addIssue({ code: 'custom', message: problem, input: tags });
  });
}

/** What is wrong with tags, stored or sent, or `null`. */
export function tagsProblem(tags: Readonly<Record<string, string | null>>): string | null {
  const entries = Object.entries(tags);
  if (entries.filter(([, value]) => value !== null).length > tagsMax) {
    return `must have at most ${tagsMax} pairs`;
  }
  for (const [key, value] of entries) {
    if (key === '' || codePoints(key) > tagKeyMax)
      return `keys must be between 1 and ${tagKeyMax} characters`;
    if (key.startsWith('anthropic')) return `keys must not begin with "anthropic"`;
    if (value !== null && codePoints(value) > tagValueMax)
      return `"${key}" must be at most ${tagValueMax} characters`;
  }
  return null;
}

const name = text(40, 1);
/** Only what every workspace has anyway is accepted, see `domain/workspaces.ts`. */
const elsewhere = {
  data_residency: z
    .strictObject({
      allowed_inference_geos: geos.nullish(),
      default_inference_geo: geo.nullish(),
      workspace_geo: z.literal('us').nullish(),
    })
    .nullish(),
  external_key_id: z.string().nullish(),
  user_profile_id: z.string().nullish(),
};

export const workspaceCreate = z.strictObject({
  name,
  display_color: color.nullish(),
  tags: checkedTags(z.record(z.string(), z.string())).nullish(),
  ...elsewhere,
});
export type WorkspaceCreate = z.infer<typeof workspaceCreate>;

export const workspaceUpdate = z.strictObject({
  name: name.nullish(),
  display_color: color.nullish(),
  tags: checkedTags(z.record(z.string(), z.string().nullable())).nullish(),
  ...elsewhere,
});
export type WorkspaceUpdate = z.infer<typeof workspaceUpdate>;

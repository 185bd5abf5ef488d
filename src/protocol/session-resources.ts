import { z } from 'zod';
import { idSchema, text, timestamp } from './text.ts';

/** What is mounted into a session: files, repositories, memory stores (spec/sessions.md, Resources). */

export const fileResourceSchema = z.strictObject({
  id: z.string(),
  type: z.literal('file'),
  file_id: z.string(),
  mount_path: z.string(),
  created_at: timestamp,
  updated_at: timestamp,
});
export type FileResource = z.infer<typeof fileResourceSchema>;

export const checkoutSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('branch'), name: text(255, 1) }),
  z.strictObject({ type: z.literal('commit'), sha: text(64, 7) }),
]);
const repositoryResource = z.strictObject({
  id: z.string(),
  type: z.literal('github_repository'),
  url: z.string(),
  mount_path: z.string(),
  checkout: checkoutSchema.nullable().exactOptional(),
  created_at: timestamp,
  updated_at: timestamp,
});

export const accessSchema = z.enum(['read_write', 'read_only']);
const memoryStoreResource = z.strictObject({
  type: z.literal('memory_store'),
  memory_store_id: z.string(),
  access: accessSchema.nullable().exactOptional(),
  description: z.string().exactOptional(),
  instructions: z.string().nullable().exactOptional(),
  mount_path: z.string().nullable().exactOptional(),
  name: z.string().nullable().exactOptional(),
});

export const sessionResourceSchema = z.discriminatedUnion('type', [
  fileResourceSchema,
  repositoryResource,
  memoryStoreResource,
]);
export type SessionResource = z.infer<typeof sessionResourceSchema>;

const repositoryPattern =
  /^https:\/\/([a-z0-9.-]{1,253}(?::[1-9]\d{0,4})?)\/([A-Za-z0-9][A-Za-z0-9._-]{0,99})\/([A-Za-z0-9._-]{1,100})$/;
const githubOwner = /^[A-Za-z0-9-]{1,39}$/;

export const githubHost = 'github.com';
export const repositoryUrlRule = 'must be https://github.com/{owner}/{repo}, without .git';

export type RepositoryUrl = {
  /** With the port where that is not 443. */
  readonly host: string;
  /** `/{owner}/{repo}` */
  readonly path: string;
  readonly name: string;
};

/** The parts of a repository's URL, or `null`: only `https://{host}/{owner}/{repo}` will do. Which hosts is up to the server. */
export function repositoryUrlOf(url: string): RepositoryUrl | null {
  const [, host, owner, name] = repositoryPattern.exec(url) ?? [];
  if (host === undefined || owner === undefined || name === undefined) return null;
  if (name === '.' || name === '..' || name.toLowerCase().endsWith('.git')) return null;
  if (!URL.canParse(url) || new URL(url).href !== url) return null;
  if (host === githubHost && !githubOwner.test(owner)) return null;
  return { host, path: `/${owner}/${name}`, name };
}

const repositoryUrl = text(2048, 1).superRefine((url, context) => {
  if (repositoryUrlOf(url) === null) context.addIssue({ code: 'custom', message: repositoryUrlRule });
});

const mountPath = text(4096, 1).nullish();
const token = text(4096, 1);

const fileParams = z.strictObject({ type: z.literal('file'), file_id: idSchema, mount_path: mountPath });

/** Of sessions, and of deployments for the sessions they start. */
export const sessionResourceParams = z.discriminatedUnion('type', [
  fileParams,
  z.strictObject({
    type: z.literal('github_repository'),
    url: repositoryUrl,
    authorization_token: token.optional(),
    checkout: checkoutSchema.nullish(),
    mount_path: mountPath,
  }),
  z.strictObject({
    type: z.literal('memory_store'),
    memory_store_id: idSchema,
    access: accessSchema.nullish(),
    instructions: text(4096).nullish(),
  }),
]);
export type SessionResourceParams = z.infer<typeof sessionResourceParams>;
export type ParamsOf<T extends SessionResourceParams['type']> = Extract<SessionResourceParams, { type: T }>;

/** A union of one, so that another `type` is told from an unknown field. */
export const resourceAdd = z.discriminatedUnion('type', [fileParams]);

export const resourceUpdate = z.strictObject({ authorization_token: token });
export type ResourceUpdate = z.infer<typeof resourceUpdate>;

export const deletedResourceSchema = z.strictObject({
  id: z.string(),
  type: z.literal('session_resource_deleted'),
});
export type DeletedResource = z.infer<typeof deletedResourceSchema>;

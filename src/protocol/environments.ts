import { z } from 'zod';
import { metadataCreate, metadataPatch, metadataSchema, text, timestamp } from './text.ts';

const unrestricted = z.strictObject({ type: z.literal('unrestricted') });
const limited = z.strictObject({
  type: z.literal('limited'),
  allowed_hosts: z.array(z.string()),
  allow_mcp_servers: z.boolean(),
  allow_package_managers: z.boolean(),
});

export const packageManagers = ['apt', 'cargo', 'gem', 'go', 'npm', 'pip'] as const;
const names = z.array(z.string());

export const cloudConfigSchema = z.strictObject({
  type: z.literal('cloud'),
  networking: z.discriminatedUnion('type', [unrestricted, limited]),
  packages: z.strictObject({
    type: z.literal('packages').exactOptional(),
    apt: names,
    cargo: names,
    gem: names,
    go: names,
    npm: names,
    pip: names,
  }),
});
export const environmentConfigSchema = z.discriminatedUnion('type', [
  cloudConfigSchema,
  z.strictObject({ type: z.literal('self_hosted') }),
]);
export type EnvironmentConfig = z.infer<typeof environmentConfigSchema>;

export const environmentSchema = z.strictObject({
  id: z.string(),
  type: z.literal('environment'),
  name: z.string(),
  description: z.string().nullable(),
  config: environmentConfigSchema,
  metadata: metadataSchema,
  scope: z.enum(['organization', 'account']).exactOptional(),
  created_at: timestamp,
  updated_at: timestamp,
  archived_at: timestamp.nullable(),
});
export type Environment = z.infer<typeof environmentSchema>;

const hostPattern = /^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;

/** A bare host or `*.example.com`: no scheme, port or path (spec/environments.md, Networking). */
export const allowedHost = text(253, 1).superRefine((host, context) => {
  if (!hostPattern.test(host)) {
    context.addIssue({
      code: 'custom',
      message: `"${host}" must be a bare host or *.host, without scheme, port or path`,
    });
  }
});

const limitedParams = z.strictObject({
  type: z.literal('limited'),
  allowed_hosts: z.array(allowedHost).nullish(),
  allow_mcp_servers: z.boolean().nullish(),
  allow_package_managers: z.boolean().nullish(),
});

const packageList = z.array(text(256, 1)).nullish();
const packagesParams = z.strictObject({
  type: z.literal('packages').optional(),
  apt: packageList,
  cargo: packageList,
  gem: packageList,
  go: packageList,
  npm: packageList,
  pip: packageList,
});

const configParams = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('cloud'),
    networking: z.discriminatedUnion('type', [unrestricted, limitedParams]).nullish(),
    packages: packagesParams.nullish(),
  }),
  z.strictObject({ type: z.literal('self_hosted') }),
]);
export type EnvironmentConfigParams = z.infer<typeof configParams>;

const scopeParams = z
  .enum(['organization', 'account'])
  .superRefine((scope, context) => {
    if (scope === 'account')
      context.addIssue({ code: 'custom', message: 'only "organization" is supported' });
  })
  .nullish();

export const environmentCreate = z.strictObject({
  name: text(256, 1),
  description: text(1024).nullish(),
  config: configParams.nullish(),
  metadata: metadataCreate.nullish(),
  scope: scopeParams,
});
export type EnvironmentCreate = z.infer<typeof environmentCreate>;

export const environmentUpdate = z.strictObject({
  name: text(256, 1).nullish(),
  description: text(1024).nullish(),
  config: configParams.nullish(),
  metadata: metadataPatch.nullish(),
  scope: scopeParams,
});
export type EnvironmentUpdate = z.infer<typeof environmentUpdate>;

export const deletedEnvironmentSchema = z.strictObject({
  id: z.string(),
  type: z.literal('environment_deleted'),
});

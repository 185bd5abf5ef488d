import { z } from 'zod';
import { apiKeyCreate, apiKeySchema, apiKeyStatuses, apiKeyUpdate, newApiKeySchema } from './api-keys.ts';
import { environmentKeyCreate, environmentKeySchema, newEnvironmentKeySchema } from './environment-keys.ts';
import type { Route } from './route.ts';
import { act, cursor, flag, limitOf, list, read, remove, write } from './route-parts.ts';
import { idSchema } from './text.ts';
import { usageBucketSchema, usageReportQuery } from './usage-report.ts';
import {
  deletedWebhookEndpointSchema,
  newWebhookEndpointSchema,
  signingSecretSchema,
  webhookEndpointCreate,
  webhookEndpointSchema,
  webhookEndpointUpdate,
} from './webhook-endpoints.ts';
import { organizationSchema, workspaceCreate, workspaceSchema, workspaceUpdate } from './workspaces.ts';

/** The lines of the route table that only keys of the organization may call. */

const style = { beta: null, messages: 'managed' } as const;
const paging = cursor(20, 1000, 'ids');
const reportPaging = cursor(7, 168, 'report');

const organization = { ...style, resource: ['organization'] } as const;
const apiKeys = { ...style, resource: ['organization', 'apiKeys'] } as const;
const workspaces = { ...style, resource: ['organization', 'workspaces'] } as const;
const environmentKeys = { ...style, resource: ['organization', 'environmentKeys'] } as const;
const usageReport = { ...style, resource: ['organization', 'usageReport'] } as const;
const webhooks = {
  beta: 'webhooks',
  messages: 'managed',
  resource: ['beta', 'organization', 'webhooks'],
} as const;

const root = '/v1/organizations';
const apiKeyPath = `${root}/api_keys/:api_key_id` as const;
const workspacePath = `${root}/workspaces/:workspace_id` as const;
const environmentKeysPath = `${root}/environments/:environment_id/keys` as const;
const webhookPath = `${root}/webhooks/:webhook_endpoint_id` as const;

const window = {
  limit: limitOf(paging),
  after_id: idSchema.optional(),
  before_id: idSchema.optional(),
};

/** A list by the ids of its items, as everything of the organization has it. */
function listByIds<Item extends z.ZodType, Query extends z.ZodRawShape>(item: Item, query: Query) {
  return { ...read, query: z.strictObject({ ...window, ...query }), response: item, paging };
}

/** Whether a route is for keys of the organization only. */
export function isAdminRoute({ path }: Pick<Route, 'path'>): boolean {
  return path.startsWith(`${root}/`);
}

export const adminRoutes = {
  'organization retrieve': {
    ...organization,
    ...read,
    action: 'retrieve',
    summary: 'Say which organization this is',
    path: `${root}/me`,
    response: organizationSchema,
  },
  'organization.apiKeys create': {
    ...apiKeys,
    ...write,
    action: 'create',
    summary: 'Create an API key; its secret is shown this once',
    path: `${root}/api_keys`,
    body: apiKeyCreate,
    response: newApiKeySchema,
  },
  'organization.apiKeys retrieve': {
    ...apiKeys,
    ...read,
    action: 'retrieve',
    summary: 'Get an API key, without its secret',
    path: apiKeyPath,
    response: apiKeySchema,
  },
  'organization.apiKeys update': {
    ...apiKeys,
    ...write,
    action: 'update',
    summary: 'Rename, disable (inactive), enable (active) or archive an API key',
    path: apiKeyPath,
    body: apiKeyUpdate,
    response: apiKeySchema,
  },
  'organization.apiKeys list': {
    ...apiKeys,
    ...listByIds(apiKeySchema, {
      status: z.enum(apiKeyStatuses).optional(),
      workspace_id: idSchema.optional(),
      created_by_user_id: idSchema.optional(),
    }),
    action: 'list',
    summary: 'List API keys, newest first',
    path: `${root}/api_keys`,
  },
  'organization.workspaces create': {
    ...workspaces,
    ...write,
    action: 'create',
    summary: 'Create a workspace',
    path: `${root}/workspaces`,
    body: workspaceCreate,
    response: workspaceSchema,
  },
  'organization.workspaces retrieve': {
    ...workspaces,
    ...read,
    action: 'retrieve',
    summary: 'Get a workspace',
    path: workspacePath,
    response: workspaceSchema,
  },
  'organization.workspaces update': {
    ...workspaces,
    ...write,
    action: 'update',
    summary: 'Update a workspace: name, colour, tags',
    path: workspacePath,
    body: workspaceUpdate,
    response: workspaceSchema,
  },
  'organization.workspaces list': {
    ...workspaces,
    ...listByIds(workspaceSchema, {
      ids: z.array(idSchema).max(100).optional(),
      include_archived: flag,
      include_default: flag,
    }),
    action: 'list',
    summary: 'List workspaces, newest first; --include-default for the one that was there first',
    path: `${root}/workspaces`,
  },
  'organization.workspaces archive': {
    ...workspaces,
    ...act,
    action: 'archive',
    summary: 'Archive a workspace for good: its keys are refused, its data is kept',
    path: `${workspacePath}/archive`,
    response: workspaceSchema,
  },
  'organization.environmentKeys create': {
    ...environmentKeys,
    ...write,
    action: 'create',
    summary: 'Create a key for the workers of an environment; its secret is shown this once',
    path: environmentKeysPath,
    body: environmentKeyCreate,
    response: newEnvironmentKeySchema,
  },
  'organization.environmentKeys list': {
    ...environmentKeys,
    ...listByIds(environmentKeySchema, { include_revoked: flag }),
    action: 'list',
    summary: 'List the keys of an environment, newest first',
    path: environmentKeysPath,
  },
  'organization.environmentKeys revoke': {
    ...environmentKeys,
    ...act,
    action: 'revoke',
    summary: 'Revoke a key of an environment for good',
    path: `${environmentKeysPath}/:environment_key_id/revoke`,
    response: environmentKeySchema,
  },
  'organization.usageReport messages': {
    ...usageReport,
    ...list(usageBucketSchema, reportPaging, usageReportQuery),
    action: 'messages',
    summary: 'Report tokens, active time and list cost by day or hour',
    path: `${root}/usage_report/messages`,
  },
  'beta.organization.webhooks create': {
    ...webhooks,
    ...write,
    action: 'create',
    summary: 'Create a webhook endpoint; its signing secret is shown this once',
    path: `${root}/webhooks`,
    body: webhookEndpointCreate,
    response: newWebhookEndpointSchema,
  },
  'beta.organization.webhooks retrieve': {
    ...webhooks,
    ...read,
    action: 'retrieve',
    summary: 'Get a webhook endpoint, without its secret',
    path: webhookPath,
    response: webhookEndpointSchema,
  },
  'beta.organization.webhooks update': {
    ...webhooks,
    ...write,
    action: 'update',
    summary: 'Update a webhook endpoint: URL, events, name, state',
    path: webhookPath,
    body: webhookEndpointUpdate,
    response: webhookEndpointSchema,
  },
  'beta.organization.webhooks list': {
    ...webhooks,
    ...listByIds(webhookEndpointSchema, { order: z.enum(['asc', 'desc']).optional() }),
    action: 'list',
    summary: 'List webhook endpoints, newest first',
    path: `${root}/webhooks`,
  },
  'beta.organization.webhooks delete': {
    ...webhooks,
    ...remove,
    action: 'delete',
    summary: 'Delete a webhook endpoint',
    path: webhookPath,
    response: deletedWebhookEndpointSchema,
  },
  'beta.organization.webhooks regenerateSigningSecret': {
    ...webhooks,
    ...act,
    action: 'regenerateSigningSecret',
    summary: 'Replace the signing secret of a webhook endpoint at once; the new one is shown this once',
    path: `${webhookPath}/regenerate_signing_secret`,
    response: signingSecretSchema,
  },
} as const satisfies Record<string, Route>;

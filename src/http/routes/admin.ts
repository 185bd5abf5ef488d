import type { ApiKeyCommands } from '../../control/api-keys.ts';
import type { EnvironmentKeyCommands } from '../../control/environment-keys.ts';
import type { UsageReportCommands } from '../../control/usage-report.ts';
import type { WebhookEndpointCommands } from '../../control/webhook-endpoints.ts';
import type { WorkspaceCommands } from '../../control/workspaces.ts';
import type { OrganizationInfo } from '../../protocol/workspaces.ts';
import type { Keys, Some } from '../handlers.ts';

type AdminKeys = Keys<
  | 'organization'
  | 'organization.apiKeys'
  | 'organization.workspaces'
  | 'organization.environmentKeys'
  | 'organization.usageReport'
  | 'beta.organization.webhooks'
>;

export type AdminCommands = {
  /** The workspace that requests act in. */
  readonly workspaceId: string;
  readonly organization: OrganizationInfo;
  readonly apiKeys: ApiKeyCommands;
  readonly workspaces: WorkspaceCommands;
  readonly environmentKeys: EnvironmentKeyCommands;
  readonly usageReport: UsageReportCommands;
  readonly webhooks: WebhookEndpointCommands;
};

/** The door lets only keys of the organization get this far, see `admission.ts`. */
export function adminRoutes(commands: AdminCommands): Some<AdminKeys> {
  const { workspaceId, organization, apiKeys, workspaces, environmentKeys, usageReport, webhooks } = commands;
  return {
    'organization retrieve': async () => organization,
    'organization.apiKeys create': ({ body }) => apiKeys.create(body, workspaceId),
    'organization.apiKeys retrieve': ({ params }) => apiKeys.retrieve(params.api_key_id),
    'organization.apiKeys update': ({ params, body }) => apiKeys.update(params.api_key_id, body),
    'organization.apiKeys list': ({ query }) => apiKeys.list(query),
    'organization.workspaces create': ({ body }) => workspaces.create(body),
    'organization.workspaces retrieve': ({ params }) => workspaces.retrieve(params.workspace_id),
    'organization.workspaces update': ({ params, body }) => workspaces.update(params.workspace_id, body),
    'organization.workspaces list': ({ query }) => workspaces.list(query),
    'organization.workspaces archive': ({ params }) => workspaces.archive(params.workspace_id),
    'organization.environmentKeys create': ({ params, body }) =>
      environmentKeys.create(params.environment_id, body),
    'organization.environmentKeys list': ({ params, query }) =>
      environmentKeys.list(params.environment_id, query),
    'organization.environmentKeys revoke': ({ params }) =>
      environmentKeys.revoke(params.environment_id, params.environment_key_id),
    'organization.usageReport messages': ({ query }) => usageReport.messages(query),
    'beta.organization.webhooks create': ({ body }) => webhooks.create(body),
    'beta.organization.webhooks retrieve': ({ params }) => webhooks.retrieve(params.webhook_endpoint_id),
    'beta.organization.webhooks update': ({ params, body }) =>
      webhooks.update(params.webhook_endpoint_id, body),
    'beta.organization.webhooks list': ({ query }) => webhooks.list(query),
    'beta.organization.webhooks delete': ({ params }) => webhooks.delete(params.webhook_endpoint_id),
    'beta.organization.webhooks regenerateSigningSecret': ({ params }) =>
      webhooks.regenerateSigningSecret(params.webhook_endpoint_id),
  };
}

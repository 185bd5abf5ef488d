import Anthropic from '@anthropic-ai/sdk';
import type { NewApiKey } from '../../src/protocol/api-keys.ts';
import type { NewEnvironmentKey } from '../../src/protocol/environment-keys.ts';
import type { UsageBucket } from '../../src/protocol/usage-report.ts';
import type { ServerProcess } from './server.ts';

/** Calls of ours that the SDK has no method for. */
type Client = Pick<Anthropic, 'get' | 'post'>;

export function createKey(client: Client, body: object) {
  return client.post<NewApiKey>('/v1/organizations/api_keys', { body });
}

export function createEnvironmentKey(client: Client, environmentId: string, name = 'worker') {
  return client.post<NewEnvironmentKey>(`/v1/organizations/environments/${environmentId}/keys`, {
    body: { name },
  });
}

export function revokeEnvironmentKey(client: Client, { id, environment_id }: NewEnvironmentKey) {
  return client.post<NewEnvironmentKey>(`/v1/organizations/environments/${environment_id}/keys/${id}/revoke`);
}

export type UsagePage = {
  readonly data: UsageBucket[];
  readonly next_page: string | null;
  readonly has_more: boolean;
};

export function usageReport(client: Client, query: object) {
  return client.get<UsagePage>('/v1/organizations/usage_report/messages', { query: { ...query } });
}

/** The official client with another key. */
export function clientWith(server: ServerProcess, apiKey: string, headers: Record<string, string> = {}) {
  return new Anthropic({ baseURL: server.baseUrl, apiKey, maxRetries: 0, defaultHeaders: headers });
}

/** A worker's client: its key is a bearer token. */
export function workerWith(server: ServerProcess, authToken: string) {
  return new Anthropic({ baseURL: server.baseUrl, apiKey: null, authToken, maxRetries: 0 });
}

export type Tenant = {
  readonly workspaceId: string;
  readonly key: NewApiKey;
  readonly client: Anthropic;
  /** The same server, as somebody who has only this workspace's key sees it. */
  readonly server: ServerProcess;
  /** A key of the organization that acts in this workspace. */
  readonly admin: Anthropic;
};

/** A new workspace, and a client with a key for it. */
export async function newTenant(server: ServerProcess, name = 'tenant'): Promise<Tenant> {
  const { id: workspaceId } = await server.client.organization.workspaces.create({ name });
  const scope = { type: 'workspace', workspace_id: workspaceId };
  const key = await createKey(server.client, { name, scope });
  const client = clientWith(server, key.secret);
  const admin = clientWith(server, server.apiKey, { 'anthropic-workspace-id': workspaceId });
  return { workspaceId, key, client, server: { ...server, apiKey: key.secret, client }, admin };
}

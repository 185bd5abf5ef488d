import { randomBytes, randomUUID } from 'node:crypto';
import { systemClock } from '../base/clock.ts';
import { newId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import { createApiKeyCommands } from '../control/api-keys.ts';
import { createEnvironmentKeyCommands } from '../control/environment-keys.ts';
import { createUsageReportCommands } from '../control/usage-report.ts';
import { createWebhookEndpointCommands } from '../control/webhook-endpoints.ts';
import { createWorkspaceCommands } from '../control/workspaces.ts';
import type { StoredKey } from '../domain/api-keys.ts';
import type { Collections } from '../domain/collections.ts';
import type { Organization } from '../domain/organization.ts';
import type { Seal } from '../domain/sealing.ts';
import { createWorkspace } from '../domain/workspaces.ts';
import type { Admission } from '../http/admission.ts';
import { createAdmission } from '../http/admission.ts';
import { createAuthenticate } from '../http/auth.ts';
import { createRateLimit } from '../http/rate-limit.ts';
import type { AdminCommands } from '../http/routes/admin.ts';
import type { Store } from '../store/open.ts';
import type { Config } from './config.ts';
import type { FirstKey } from './first-key.ts';
import { firstKey, isFit } from './first-key.ts';

/** The organization as it is at start: what was there already, or its first workspace and key. */
export type Founded = {
  readonly organizationId: string;
  readonly defaultWorkspaceId: string;
  readonly first: FirstKey;
  /** What cursors are sealed with. */
  readonly cursorKey: string;
};

export async function foundOrganization(
  { identity, workspaces, ...keys }: Organization,
  config: Config,
  log: Log,
): Promise<Founded> {
  const organizationId = await identity.getOrCreate('organization_id', randomUUID);
  const workspaceId = await identity.getOrCreate('workspace_id', () => newId('wrkspc'));
  const cursorKey = await identity.getOrCreate('cursor_key', () => randomBytes(32).toString('base64url'));
  const nowUs = systemClock.nowUs();
  await workspaces.insert(createWorkspace({ name: 'Default' }, workspaceId, nowUs), () => {});
  const first = await firstKey(config, keys, { workspaceId, nowUs });
  if (!isFit(first.key, nowUs))
    log.warn('server.preset_key_unfit', { apiKeyId: first.key.id, status: first.key.status });
  return { organizationId, defaultWorkspaceId: workspaceId, first, cursorKey };
}

/** What stands at the door. */
export function createDoor(
  store: Store,
  { config, first, log }: { readonly config: Config; readonly first: FirstKey; readonly log: Log },
): Admission {
  const { access } = store.organization;
  // Where no key is asked for, nobody can be shut out by disabling one.
  const anonymous: StoredKey | null = config.noAuth
    ? { ...first.key, status: 'active', expiresAtUs: null }
    : null;
  return createAdmission({
    authenticate: createAuthenticate({ access, clock: systemClock, anonymous }),
    countRequest: createRateLimit(config.rateLimits, systemClock),
    sessionOf: (workspaceId, sessionId) =>
      store.workspace(workspaceId).collections.sessions.get(sessionId, systemClock.nowUs()),
    log,
  });
}

export type AdminParts = Omit<Founded, 'first' | 'cursorKey'> & {
  readonly workspaceId: string;
  readonly organization: Organization;
  readonly collections: Collections;
  readonly seal: Seal;
  readonly config: Config;
};

export function createAdminCommands(parts: AdminParts): AdminCommands {
  const { organization, collections, workspaceId, defaultWorkspaceId, seal, config } = parts;
  const { apiKeys, workspaces, usage } = organization;
  const { webhookEndpoints } = collections;
  const common = { clock: systemClock, newId };
  return {
    workspaceId,
    organization: { id: parts.organizationId, type: 'organization', name: 'Anthill' },
    apiKeys: createApiKeyCommands({ apiKeys, defaultWorkspaceId, ...common }),
    workspaces: createWorkspaceCommands({ workspaces, defaultWorkspaceId, ...common }),
    environmentKeys: createEnvironmentKeyCommands({ collections, ...common }),
    usageReport: createUsageReportCommands({ usage, clock: systemClock }),
    webhooks: createWebhookEndpointCommands({
      webhookEndpoints,
      policy: config.webhookUrls,
      seal,
      ...common,
    }),
  };
}

import type { Clock } from '../base/clock.ts';
import { sha256Hex } from '../base/sha256.ts';
import type { StoredKey } from '../domain/api-keys.ts';
import { isExpired } from '../domain/api-keys.ts';
import { environmentKeyPrefix } from '../domain/environment-keys.ts';
import type { Access, KeyAccess, WorkItem } from '../domain/organization.ts';
import { itemSecretPrefix } from '../domain/work.ts';
import { Refusal } from '../protocol/refusal.ts';
import { refuseForeign } from './same-origin.ts';

/** Who sent a request, and where it acts. */
export type Caller = {
  /** Of an API key, of an environment key, or the work item whose secret it is. */
  readonly apiKeyId: string;
  readonly workspaceId: string;
  readonly isWorkspaceArchived: boolean;
  /** May manage the organization. */
  readonly isAdmin: boolean;
  /** Of a worker: the only environment whose sessions it reaches. */
  readonly environmentId: string | null;
  /** Of a worker that came with the secret of a work item: the only one it works on. */
  readonly item: WorkItem | null;
};

/** Refuses with 401 who is unknown, and with 403 who may not act where they want to. */
export type Authenticate = (headers: Headers) => Promise<Caller>;

export type AuthDeps = {
  readonly access: Access;
  readonly clock: Clock;
  /** The key that requests without a known one act as; null, as it should be: none. */
  readonly anonymous: StoredKey | null;
};

/**
 * Who may come in (spec/README.md, Request headers): an API key in `x-api-key` or as a bearer token, or an
 * environment key or the secret of a work item as a bearer token. Every request asks: a key that was disabled is refused
 * with the next one. Keys are looked up by the SHA-256 of their secret, so how long a look takes says nothing
 * about a secret that somebody could make use of.
 */
export function createAuthenticate({ access, clock, anonymous }: AuthDeps): Authenticate {
  async function apiKey(secret: string | null): Promise<KeyAccess> {
    const found = secret ? await access.apiKey(sha256Hex(secret)) : null;
    if (found) return found;
    if (anonymous) return { key: anonymous, isWorkspaceArchived: false };
    if (!secret) throw new Refusal('authentication', 'x-api-key header is required');
    throw new Refusal('authentication', 'invalid x-api-key');
  }

  return async (headers) => {
    if (anonymous) refuseForeign(headers);
    const wanted = headers.get('anthropic-workspace-id') || null;
    const token = bearer(headers.get('authorization'));
    const given = headers.get('x-api-key') ?? token;
    if (given?.startsWith(environmentKeyPrefix)) return await environmentCaller(access, token, wanted);
    if (given?.startsWith(itemSecretPrefix)) return await itemCaller(access, given, wanted);
    const { key, isWorkspaceArchived } = await apiKey(given);
    if (isWorkspaceArchived && !key.isAdmin) throw archived(key.workspaceId);
    refuseUnusable(key, clock.nowUs());
    if (wanted === null || wanted === key.workspaceId) return callerOf(key, key.workspaceId, false);
    if (!key.isAdmin) throw elsewhere(key.workspaceId);
    const workspace = await access.workspace(wanted);
    if (!workspace) throw new Refusal('not_found', `Workspace not found: ${wanted}`);
    return callerOf(key, wanted, workspace.isArchived);
  };
}

function callerOf(key: StoredKey, workspaceId: string, isWorkspaceArchived: boolean): Caller {
  const { id: apiKeyId, isAdmin } = key;
  return { apiKeyId, workspaceId, isWorkspaceArchived, isAdmin, environmentId: null, item: null };
}

async function environmentCaller(
  access: Access,
  token: string | null,
  wanted: string | null,
): Promise<Caller> {
  if (!token?.startsWith(environmentKeyPrefix))
    throw new Refusal('authentication', 'an environment key is sent as Authorization: Bearer');
  const found = await access.environmentKey(sha256Hex(token));
  if (!found || found.key.revoked_at !== null) throw new Refusal('authentication', 'invalid environment key');
  const { key, workspaceId, isWorkspaceArchived } = found;
  if (isWorkspaceArchived) throw archived(workspaceId);
  if (wanted !== null && wanted !== workspaceId) throw elsewhere(workspaceId);
  return {
    apiKeyId: key.id,
    workspaceId,
    isWorkspaceArchived,
    isAdmin: false,
    environmentId: key.environment_id,
    item: null,
  };
}

async function itemCaller(access: Access, secret: string, wanted: string | null): Promise<Caller> {
  const found = await access.workItem(sha256Hex(secret));
  if (!found) throw new Refusal('authentication', 'invalid sessions token');
  const { item, environmentId, workspaceId, isWorkspaceArchived } = found;
  if (isWorkspaceArchived) throw archived(workspaceId);
  if (wanted !== null && wanted !== workspaceId) throw elsewhere(workspaceId);
  return { apiKeyId: item.id, workspaceId, isWorkspaceArchived, isAdmin: false, environmentId, item };
}

function refuseUnusable(key: StoredKey, nowUs: number): void {
  if (key.status !== 'active')
    throw new Refusal('authentication', `invalid x-api-key: this key is ${key.status}`);
  if (isExpired(key, nowUs)) throw new Refusal('authentication', 'invalid x-api-key: this key has expired');
}

/** The same whether the other workspace exists or not. */
function elsewhere(workspaceId: string): Refusal {
  return new Refusal(
    'permission',
    `anthropic-workspace-id: this key acts in workspace ${workspaceId} only; leave the header out`,
  );
}

function archived(id: string): Refusal {
  return new Refusal('permission', `Workspace ${id} is archived, and its keys are no longer accepted`, {
    errorCode: 'workspace_archived',
  });
}

function bearer(authorization: string | null): string | null {
  return /^Bearer (.+)$/i.exec(authorization ?? '')?.[1] ?? null;
}

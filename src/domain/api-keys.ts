import { formatUs, parseUs } from '../base/timestamp.ts';
import type { ApiKey, ApiKeyCreate, ApiKeyUpdate } from '../protocol/api-keys.ts';
import { invalid, Refusal } from '../protocol/refusal.ts';
import type { Workspace } from '../protocol/workspaces.ts';
import { apiKeysMax } from './limits.ts';

/** What a client comes in with, without its secret. */
export type StoredKey = {
  readonly id: string;
  /** Where it acts. A key of the organization acts in every workspace, in this one unless a request names another. */
  readonly workspaceId: string;
  /** A key of the organization: it may manage keys, workspaces and what else `admin-routes.ts` lists. */
  readonly isAdmin: boolean;
  readonly name: string;
  readonly status: 'active' | 'inactive' | 'archived';
  /** Beginning and end of the secret; null when too little of it would be left. */
  readonly hint: string | null;
  readonly createdAtUs: number;
  readonly expiresAtUs: number | null;
};

export type KeyBirth = {
  readonly id: string;
  readonly secret: string;
  readonly nowUs: number;
  /** The workspace of keys of the organization. */
  readonly defaultWorkspaceId: string;
  /** The workspace that the request acts in: of keys that say nothing else. */
  readonly workspaceId: string;
};

export function createKey(params: ApiKeyCreate, birth: KeyBirth): StoredKey {
  const { scope } = params;
  const isAdmin = scope?.type === 'organization';
  const workspaceId = scope?.type === 'workspace' ? scope.workspace_id : birth.workspaceId;
  return {
    id: birth.id,
    workspaceId: isAdmin ? birth.defaultWorkspaceId : workspaceId,
    isAdmin,
    name: params.name,
    status: 'active',
    hint: secretHint(birth.secret),
    createdAtUs: birth.nowUs,
    expiresAtUs: expiry(params.expires_at ?? null, birth.nowUs),
  };
}

/** What a workspace and the organization keep to when one more key comes. */
export function checkKeyAdmission(key: StoredKey, workspace: Workspace | null, keys: number): void {
  if (!workspace) throw absentWorkspace(key.workspaceId);
  if (workspace.archived_at !== null) throw archivedWorkspace(workspace.id);
  if (keys < apiKeysMax) return;
  throw invalid(
    `the organization has ${apiKeysMax} API keys, the most it can hold; archive one first (org_api_key_limit_exceeded)`,
    'org_api_key_limit_exceeded',
  );
}

export function absentWorkspace(id: string): Refusal {
  return new Refusal('not_found', `Workspace not found: ${id}`);
}

export function archivedWorkspace(id: string): Refusal {
  return invalid(`Workspace ${id} is archived.`, 'workspace_archived');
}

function expiry(text: string | null, nowUs: number): number | null {
  if (text === null) return null;
  const atUs = parseUs(text);
  if (atUs === null) throw invalid('expires_at: must be an RFC 3339 time');
  if (atUs <= nowUs) throw invalid('expires_at: must be in the future');
  return atUs;
}

export function isExpired({ expiresAtUs }: StoredKey, nowUs: number): boolean {
  return expiresAtUs !== null && expiresAtUs <= nowUs;
}

export function isUsable(key: StoredKey, nowUs: number): boolean {
  return key.status === 'active' && !isExpired(key, nowUs);
}

/** Absent and null keep. Archiving is for good. The same object when nothing changed. */
export function updateKey(
  current: StoredKey,
  params: ApiKeyUpdate,
  { nowUs, otherAdmins }: { readonly nowUs: number; readonly otherAdmins: number },
): StoredKey {
  const name = params.name ?? current.name;
  const status = params.status ?? current.status;
  if (name === current.name && status === current.status) return current;
  if (current.status === 'archived') throw invalid(`API key ${current.id} is archived.`);
  if (status === 'active' && isExpired(current, nowUs))
    throw invalid(`status: API key ${current.id} has expired and cannot be enabled; create a new one`);
  const changed: StoredKey = { ...current, name, status };
  if (current.isAdmin && otherAdmins === 0 && isUsable(current, nowUs) && !isUsable(changed, nowUs)) {
    throw invalid(
      `API key ${current.id} is the last one that can manage the organization (last_admin_key); create another with the scope organization first`,
      'last_admin_key',
    );
  }
  return changed;
}

export function presentKey(key: StoredKey, nowUs: number): ApiKey {
  const expired = key.status !== 'archived' && isExpired(key, nowUs);
  return {
    id: key.id,
    type: 'api_key',
    name: key.name,
    status: expired ? 'expired' : key.status,
    scope: key.isAdmin ? { type: 'organization' } : { type: 'workspace', workspace_id: key.workspaceId },
    partial_key_hint: key.hint,
    principal: null,
    created_by: null,
    created_at: formatUs(key.createdAtUs),
    expires_at: key.expiresAtUs === null ? null : formatUs(key.expiresAtUs),
  };
}

const hintedCharacters = 3 + 4;

/** `sk-anthill-Ab3...xY9z`: enough to recognise a secret by. A short one, which somebody chose, shows nothing. */
export function secretHint(secret: string): string | null {
  const [prefix] = /^sk-(anthill|ant-oat01)-/.exec(secret) ?? [''];
  if (secret.length - prefix.length < 4 * hintedCharacters) return null;
  return `${secret.slice(0, prefix.length + 3)}...${secret.slice(-4)}`;
}

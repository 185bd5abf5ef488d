import { formatUs } from '../base/timestamp.ts';
import { Refusal } from '../protocol/refusal.ts';
import type { Vault, VaultCreate, VaultUpdate } from '../protocol/vaults.ts';
import { mergeMetadata } from './metadata.ts';

export function createVault(params: VaultCreate, id: string, nowUs: number): Vault {
  const at = formatUs(nowUs);
  return {
    id,
    type: 'vault',
    display_name: params.display_name,
    metadata: params.metadata ?? {},
    created_at: at,
    updated_at: at,
    archived_at: null,
  };
}

/** Absent and null keep. The same object when nothing changed. */
export function updateVault(current: Vault, params: VaultUpdate, nowUs: number): Vault {
  if (current.archived_at !== null) throw archivedVault(current.id);
  const displayName = params.display_name ?? current.display_name;
  const metadata = mergeMetadata(current.metadata, params.metadata);
  if (displayName === current.display_name && metadata === current.metadata) return current;
  return {
    ...current,
    display_name: displayName,
    metadata: { ...metadata },
    updated_at: formatUs(nowUs),
  };
}

/** Of vaults and credentials. One-way and idempotent: the same object when it was archived before. */
export function archived<T extends Pick<Vault, 'archived_at' | 'updated_at'>>(current: T, nowUs: number): T {
  if (current.archived_at !== null) return current;
  const at = formatUs(nowUs);
  return { ...current, archived_at: at, updated_at: at };
}

export function archivedVault(id: string): Refusal {
  return new Refusal('invalid_request', `Vault ${id} is archived.`, { runError: 'vault_archived_error' });
}

export function absentVault(id: string): Refusal {
  return new Refusal('not_found', `Vault not found: ${id}`, { runError: 'vault_not_found_error' });
}

import type { Clock } from '../base/clock.ts';
import type { NewId } from '../base/ids.ts';
import type { ArchiveRules, Credentials, Vaults } from '../domain/collections.ts';
import { credentialsPerVaultMax } from '../domain/limits.ts';
import { absentVault, archived, archivedVault, createVault, updateVault } from '../domain/vaults.ts';
import type { Credential } from '../protocol/credentials.ts';
import type { Vault, VaultCreate, VaultUpdate } from '../protocol/vaults.ts';
import type { Page, WindowQuery } from './page.ts';
import { pageOf } from './page.ts';

export type VaultDeps = {
  readonly vaults: Vaults;
  readonly clock: Clock;
  readonly newId: NewId;
};

export type VaultCommands = {
  create(body: VaultCreate): Promise<Vault>;
  retrieve(id: string): Promise<Vault>;
  update(id: string, body: VaultUpdate): Promise<Vault>;
  list(query: WindowQuery & { include_archived?: boolean | undefined }): Promise<Page<Vault>>;
  archive(id: string): Promise<Vault>;
  delete(id: string): Promise<{ id: string; type: 'vault_deleted' }>;
};

export function createVaultCommands({ vaults, clock, newId }: VaultDeps): VaultCommands {
  return {
    async create(body) {
      const vault = createVault(body, newId('vlt'), clock.nowUs());
      await vaults.insert(vault);
      return vault;
    },
    async retrieve(id) {
      return found(await vaults.get(id), id);
    },
    async update(id, body) {
      return found(await vaults.change(id, (current) => updateVault(current, body, clock.nowUs())), id);
    },
    list: (query) =>
      pageOf(query, { limit: 20, order: 'desc' }, (page) =>
        vaults.page({ ...page, includeArchived: query.include_archived ?? false }),
      ),
    async archive(id) {
      const nowUs = clock.nowUs();
      const rules: ArchiveRules = {
        vault: (current) => archived(current, nowUs),
        credential: (current) => archived(current, nowUs),
      };
      return found(await vaults.archive(id, rules), id);
    },
    async delete(id) {
      if (!(await vaults.remove(id))) throw absentVault(id);
      return { id, type: 'vault_deleted' };
    },
  };
}

function found(vault: Vault | null, id: string): Vault {
  if (!vault) throw absentVault(id);
  return vault;
}

/** In the order of the vaults. */
export async function activeCredentials(
  credentials: Credentials,
  vaultIds: readonly string[],
): Promise<readonly Credential[]> {
  const window = { limit: credentialsPerVaultMax, order: 'asc', after: null, createdAt: {} } as const;
  const pages = await Promise.all(
    vaultIds.map((id) => credentials.page(id, { ...window, includeArchived: false })),
  );
  return pages.flat().map(({ item }) => item);
}

/** Vaults that sessions can use credentials of. */
export async function requireUsableVaults(vaults: Vaults, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const vault = await vaults.get(id);
    if (!vault) throw absentVault(id);
    if (vault.archived_at !== null) throw archivedVault(id);
  }
}

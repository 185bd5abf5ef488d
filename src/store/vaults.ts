import type { Vaults } from '../domain/collections.ts';
import type { Credential } from '../protocol/credentials.ts';
import type { Vault } from '../protocol/vaults.ts';
import { activeCredentials, credentialOf, credentialRow } from './credential-rows.ts';
import type { Engine, Sql } from './engines/engine.ts';
import { microseconds } from './entry-rows.ts';
import { keyset } from './keyset.ts';
import type { VaultRow } from './tables.ts';
import { build } from './tables.ts';

export function createVaults(engine: Engine, workspaceId: string): Vaults {
  return {
    async insert(vault) {
      await engine.write((tx) =>
        tx.run(build.insertInto('vaults').values(rowOf(workspaceId, vault)).compile()),
      );
    },
    async get(id) {
      const [row] = await engine.read.all(vaultById(workspaceId, id));
      return row ? vaultOf(row) : null;
    },
    change: (id, rule) => engine.write((tx) => change(tx, workspaceId, id, rule)),
    archive(id, rules) {
      return engine.write(async (tx) => {
        const vault = await change(tx, workspaceId, id, rules.vault);
        if (vault) await changeAll(tx, id, rules.credential);
        return vault;
      });
    },
    async page(query) {
      let select = build
        .selectFrom('vaults')
        .select(['id', 'created_at_us', 'document'])
        .where('workspace_id', '=', workspaceId);
      if (!query.includeArchived) select = select.where('archived_at_us', 'is', null);
      const rows = await engine.read.all(keyset(select, ['created_at_us', 'id'], query).compile());
      return rows.map((row) => ({ item: vaultOf(row), position: [row.created_at_us, row.id] as const }));
    },
    remove(id) {
      const query = build.deleteFrom('vaults').where('id', '=', id).where('workspace_id', '=', workspaceId);
      return engine.write(async (tx) => (await tx.run(query.compile())) > 0);
    },
  };
}

async function change(
  tx: Sql,
  workspaceId: string,
  id: string,
  rule: (current: Vault) => Vault,
): Promise<Vault | null> {
  const [row] = await tx.all(vaultById(workspaceId, id));
  if (!row) return null;
  const before = vaultOf(row);
  const after = rule(before);
  if (after === before) return before;
  await tx.run(build.updateTable('vaults').set(rowOf(workspaceId, after)).where('id', '=', id).compile());
  return after;
}

/** The active credentials of a vault, at most `credentialsPerVaultMax`, lose their secrets with the change. */
async function changeAll(tx: Sql, vaultId: string, rule: (current: Credential) => Credential): Promise<void> {
  const active = await tx.all(activeCredentials(vaultId));
  for (const row of active) {
    const after = credentialRow({ credential: rule(credentialOf(row)), sealed: {} });
    await tx.run(build.updateTable('credentials').set(after).where('id', '=', after.id).compile());
  }
}

function rowOf(workspaceId: string, vault: Vault): VaultRow {
  return {
    id: vault.id,
    workspace_id: workspaceId,
    created_at_us: microseconds(vault.created_at),
    archived_at_us: vault.archived_at === null ? null : microseconds(vault.archived_at),
    document: JSON.stringify(vault),
  };
}

/** Documents are only ever written by `rowOf`, from a Vault. */
export function vaultOf(row: { document: string }): Vault {
  return JSON.parse(row.document) as Vault;
}

/** The id of a vault, if this workspace has it: what the rows below it are looked up by. */
export function ownVault(workspaceId: string, id: string) {
  return build.selectFrom('vaults').select('id').where('id', '=', id).where('workspace_id', '=', workspaceId);
}

export function vaultById(workspaceId: string, id: string) {
  return build
    .selectFrom('vaults')
    .select('document')
    .where('id', '=', id)
    .where('workspace_id', '=', workspaceId)
    .compile();
}

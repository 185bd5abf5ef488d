import type { Credentials } from '../domain/collections.ts';
import {
  activeCredentials,
  changeCredential,
  credentialOf,
  credentialRow,
  storedCredentialOf,
} from './credential-rows.ts';
import type { Engine } from './engines/engine.ts';
import { keyset } from './keyset.ts';
import { build } from './tables.ts';
import { ownVault, vaultById, vaultOf } from './vaults.ts';

export function createCredentials(engine: Engine, workspaceId: string): Credentials {
  return {
    insert(stored, check) {
      return engine.write(async (tx) => {
        const vaultId = stored.credential.vault_id;
        const [vault] = await tx.all(vaultById(workspaceId, vaultId));
        if (!vault) return false;
        const active = await tx.all(activeCredentials(vaultId));
        check(vaultOf(vault), active.map(credentialOf));
        await tx.run(build.insertInto('credentials').values(credentialRow(stored)).compile());
        return true;
      });
    },
    async get(vaultId, id) {
      const [row] = await engine.read.all(byId(workspaceId, vaultId, id));
      return row ? credentialOf(row) : null;
    },
    async stored(vaultId, id) {
      const [row] = await engine.read.all(byId(workspaceId, vaultId, id));
      return row ? storedCredentialOf(row) : null;
    },
    change: (vaultId, id, rule) =>
      engine.write((tx) => changeCredential(tx, byId(workspaceId, vaultId, id), rule)),
    async page(vaultId, query) {
      let select = build
        .selectFrom('credentials')
        .select(['id', 'created_at_us', 'document'])
        .where('vault_id', '=', ownVault(workspaceId, vaultId));
      if (!query.includeArchived) select = select.where('archived_at_us', 'is', null);
      const rows = await engine.read.all(keyset(select, ['created_at_us', 'id'], query).compile());
      return rows.map((row) => ({ item: credentialOf(row), position: [row.created_at_us, row.id] as const }));
    },
    remove(vaultId, id) {
      const query = build
        .deleteFrom('credentials')
        .where('vault_id', '=', ownVault(workspaceId, vaultId))
        .where('id', '=', id);
      return engine.write(async (tx) => (await tx.run(query.compile())) > 0);
    },
  };
}

function byId(workspaceId: string, vaultId: string, id: string) {
  return build
    .selectFrom('credentials')
    .select(['document', 'sealed'])
    .where('vault_id', '=', ownVault(workspaceId, vaultId))
    .where('id', '=', id)
    .compile();
}

import { serverKey } from '../domain/credentials.ts';
import type { SessionCredentials } from '../domain/session-credentials.ts';
import { credentialRow, storedCredentialOf } from './credential-rows.ts';
import type { Engine } from './engines/engine.ts';
import { build } from './tables.ts';

export function createSessionCredentials(engine: Engine): SessionCredentials {
  return {
    async forServer(url, vaultIds) {
      if (vaultIds.length === 0) return null;
      const query = build
        .selectFrom('credentials')
        .select(['vault_id', 'document', 'sealed'])
        .where('vault_id', 'in', [...vaultIds])
        .where('purpose', '=', serverKey(url))
        .where('archived_at_us', 'is', null);
      const rows = await engine.read.all(query.compile());
      const first = vaultIds.flatMap((id) => rows.filter((row) => row.vault_id === id))[0];
      return first ? storedCredentialOf(first) : null;
    },
    async variables(vaultIds) {
      if (vaultIds.length === 0) return [];
      const query = build
        .selectFrom('credentials')
        .select(['vault_id', 'document', 'sealed'])
        .where('vault_id', 'in', [...vaultIds])
        .where('purpose', 'like', 'variable %')
        .where('archived_at_us', 'is', null);
      const rows = await engine.read.all(query.compile());
      return vaultIds.flatMap((id) => rows.filter((row) => row.vault_id === id)).map(storedCredentialOf);
    },
    change({ id, vault_id }, rule) {
      return engine.write(async (tx) => {
        const query = build
          .selectFrom('credentials')
          .select(['document', 'sealed'])
          .where('vault_id', '=', vault_id)
          .where('id', '=', id);
        const [row] = await tx.all(query.compile());
        if (!row) return;
        const before = storedCredentialOf(row);
        const after = rule(before);
        if (after === before) return;
        const update = build.updateTable('credentials').set(credentialRow(after)).where('id', '=', id);
        await tx.run(update.compile());
      });
    },
  };
}

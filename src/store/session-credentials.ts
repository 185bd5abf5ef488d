import { serverKey } from '../domain/credentials.ts';
import type { SessionCredentials } from '../domain/session-credentials.ts';
import { changeCredential, storedCredentialOf } from './credential-rows.ts';
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
    async change({ id, vault_id }, rule) {
      const query = build
        .selectFrom('credentials')
        .select(['document', 'sealed'])
        .where('vault_id', '=', vault_id)
        .where('id', '=', id);
      await engine.write((tx) => changeCredential(tx, query.compile(), rule));
    },
  };
}

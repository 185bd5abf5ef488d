import type { ApiKeys } from '../domain/collections.ts';
import type { Engine } from './engines/engine.ts';
import { build } from './tables.ts';

export function createApiKeys(engine: Engine): ApiKeys {
  return {
    async insert(key, secretHash) {
      const query = build
        .insertInto('api_keys')
        .values({
          id: key.id,
          workspace_id: key.workspaceId,
          name: key.name,
          secret_hash: secretHash,
          created_at_us: key.createdAtUs,
        })
        .onConflict((conflict) => conflict.column('secret_hash').doNothing());
      await engine.write((tx) => tx.run(query.compile()));
    },
    async find(secretHash) {
      const query = build
        .selectFrom('api_keys')
        .select(['id', 'workspace_id', 'name', 'created_at_us'])
        .where('secret_hash', '=', secretHash);
      const [row] = await engine.read.all(query.compile());
      if (!row) return null;
      return { id: row.id, workspaceId: row.workspace_id, name: row.name, createdAtUs: row.created_at_us };
    },
  };
}

import type { EnvironmentKeys } from '../domain/environment-keys.ts';
import type { EnvironmentKey } from '../protocol/environment-keys.ts';
import type { Engine } from './engines/engine.ts';
import { microseconds } from './entry-rows.ts';
import { environmentById, environmentOf, ownEnvironment } from './environments.ts';
import { keyset } from './keyset.ts';
import type { EnvironmentKeyRow } from './tables.ts';
import { build } from './tables.ts';

export function createEnvironmentKeys(engine: Engine, workspaceId: string): EnvironmentKeys {
  return {
    insert(key, secretHash, check) {
      return engine.write(async (tx) => {
        const [environment] = await tx.all(environmentById(workspaceId, key.environment_id));
        if (!environment) return false;
        const [active] = await tx.all(countActive(key.environment_id));
        check(environmentOf(environment), Number(active?.count ?? 0));
        const row = { ...rowOf(key), secret_hash: secretHash };
        await tx.run(build.insertInto('environment_keys').values(row).compile());
        return true;
      });
    },
    async get(environmentId, id) {
      const [row] = await engine.read.all(byId(workspaceId, environmentId, id));
      return row ? environmentKeyOf(row) : null;
    },
    change(environmentId, id, rule) {
      return engine.write(async (tx) => {
        const [row] = await tx.all(byId(workspaceId, environmentId, id));
        if (!row) return null;
        const before = environmentKeyOf(row);
        const after = rule(before);
        if (after === before) return before;
        await tx.run(build.updateTable('environment_keys').set(rowOf(after)).where('id', '=', id).compile());
        return after;
      });
    },
    async page(environmentId, query) {
      let select = build
        .selectFrom('environment_keys')
        .select(['id', 'created_at_us', 'document'])
        .where('environment_id', '=', ownEnvironment(workspaceId, environmentId));
      if (!query.includeRevoked) select = select.where('revoked_at_us', 'is', null);
      const rows = await engine.read.all(keyset(select, ['created_at_us', 'id'], query).compile());
      return rows.map((row) => ({
        item: environmentKeyOf(row),
        position: [row.created_at_us, row.id] as const,
      }));
    },
  };
}

function countActive(environmentId: string) {
  return build
    .selectFrom('environment_keys')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('environment_id', '=', environmentId)
    .where('revoked_at_us', 'is', null)
    .compile();
}

function byId(workspaceId: string, environmentId: string, id: string) {
  return build
    .selectFrom('environment_keys')
    .select('document')
    .where('environment_id', '=', ownEnvironment(workspaceId, environmentId))
    .where('id', '=', id)
    .compile();
}

function rowOf(key: EnvironmentKey): Omit<EnvironmentKeyRow, 'secret_hash'> {
  return {
    id: key.id,
    environment_id: key.environment_id,
    created_at_us: microseconds(key.created_at),
    revoked_at_us: key.revoked_at === null ? null : microseconds(key.revoked_at),
    document: JSON.stringify(key),
  };
}

/** Documents are only ever written by `rowOf`, from an EnvironmentKey. */
export function environmentKeyOf(row: { document: string }): EnvironmentKey {
  return JSON.parse(row.document) as EnvironmentKey;
}

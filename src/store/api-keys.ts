import type { StoredKey } from '../domain/api-keys.ts';
import type { ApiKeyQuery, ApiKeys } from '../domain/organization.ts';
import type { Engine } from './engines/engine.ts';
import { keyset } from './keyset.ts';
import type { ApiKeyRow } from './tables.ts';
import { build } from './tables.ts';
import { workspaceById, workspaceOf } from './workspaces.ts';

export function createApiKeys(engine: Engine): ApiKeys {
  return {
    insert(key, secretHash, check) {
      return engine.write(async (tx) => {
        const [known] = await tx.all(bySecret(secretHash));
        if (known) return;
        const [workspace] = await tx.all(workspaceById(key.workspaceId));
        const [kept] = await tx.all(countKept());
        check(workspace ? workspaceOf(workspace) : null, Number(kept?.count ?? 0));
        const row = { ...rowOf(key), secret_hash: secretHash };
        await tx.run(build.insertInto('api_keys').values(row).compile());
      });
    },
    async get(id) {
      const [row] = await engine.read.all(byId(id));
      return row ? keyOf(row) : null;
    },
    change(id, nowUs, rule) {
      return engine.write(async (tx) => {
        const [row] = await tx.all(byId(id));
        if (!row) return null;
        const before = keyOf(row);
        const [others] = await tx.all(otherAdmins(id, nowUs));
        const after = rule(before, Number(others?.count ?? 0));
        if (after === before) return before;
        await tx.run(build.updateTable('api_keys').set(rowOf(after)).where('id', '=', id).compile());
        return after;
      });
    },
    async page(query) {
      const rows = await engine.read.all(keyset(filtered(query), ['created_at_us', 'id'], query).compile());
      return rows.map((row) => ({ item: keyOf(row), position: [row.created_at_us, row.id] as const }));
    },
  };
}

function filtered({ status, workspaceId, nowUs }: ApiKeyQuery) {
  let select = build.selectFrom('api_keys').select(columns);
  // A key of the organization belongs to no workspace, wherever it acts.
  if (workspaceId !== null) select = select.where('workspace_id', '=', workspaceId).where('is_admin', '=', 0);
  if (status === null) return select;
  if (status === 'archived') return select.where('status', '=', status);
  if (status === 'expired')
    return select.where('status', '!=', 'archived').where('expires_at_us', '<=', nowUs);
  return select
    .where('status', '=', status)
    .where((where) => where.or([where('expires_at_us', 'is', null), where('expires_at_us', '>', nowUs)]));
}

const columns = [
  'id',
  'workspace_id',
  'is_admin',
  'name',
  'status',
  'hint',
  'created_at_us',
  'expires_at_us',
] as const;

function byId(id: string) {
  return build.selectFrom('api_keys').select(columns).where('id', '=', id).compile();
}

function bySecret(secretHash: string) {
  return build.selectFrom('api_keys').select('id').where('secret_hash', '=', secretHash).compile();
}

function countKept() {
  return build
    .selectFrom('api_keys')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('status', 'in', ['active', 'inactive'])
    .compile();
}

function otherAdmins(id: string, nowUs: number) {
  return build
    .selectFrom('api_keys')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('is_admin', '=', 1)
    .where('status', '=', 'active')
    .where('id', '!=', id)
    .where((where) => where.or([where('expires_at_us', 'is', null), where('expires_at_us', '>', nowUs)]))
    .compile();
}

function rowOf(key: StoredKey): Omit<ApiKeyRow, 'secret_hash'> {
  return {
    id: key.id,
    workspace_id: key.workspaceId,
    is_admin: key.isAdmin ? 1 : 0,
    name: key.name,
    status: key.status,
    hint: key.hint,
    created_at_us: key.createdAtUs,
    expires_at_us: key.expiresAtUs,
  };
}

export function keyOf(row: Omit<ApiKeyRow, 'secret_hash'>): StoredKey {
  return {
    id: row.id,
    workspaceId: row.workspace_id,
    isAdmin: row.is_admin === 1,
    name: row.name,
    // Only ever written by `rowOf`.
    status: row.status as StoredKey['status'],
    hint: row.hint,
    createdAtUs: row.created_at_us,
    expiresAtUs: row.expires_at_us,
  };
}

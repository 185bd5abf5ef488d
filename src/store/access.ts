import type { Access } from '../domain/organization.ts';
import { keyOf } from './api-keys.ts';
import type { Engine } from './engines/engine.ts';
import { environmentKeyOf } from './environment-keys.ts';
import { prepare } from './prepare.ts';
import { build } from './tables.ts';

/** Compiled once: they run with every request. */
export function createAccess(engine: Engine): Access {
  return {
    async apiKey(secretHash) {
      const [row] = await engine.read.all(apiKeyBySecret({ secretHash }));
      return row ? { key: keyOf(row), isWorkspaceArchived: row.archived_at_us !== null } : null;
    },
    async environmentKey(secretHash) {
      const [row] = await engine.read.all(environmentKeyBySecret({ secretHash }));
      if (!row) return null;
      return {
        key: environmentKeyOf(row),
        workspaceId: row.workspace_id,
        isWorkspaceArchived: row.archived_at_us !== null,
      };
    },
    async workItem(secretHash) {
      const [row] = await engine.read.all(workItemBySecret({ secretHash }));
      if (!row) return null;
      return {
        item: { id: row.id, sessionId: row.session_id, isStopped: row.state === 'stopped' },
        environmentId: row.environment_id,
        workspaceId: row.workspace_id,
        isWorkspaceArchived: row.archived_at_us !== null,
      };
    },
    async workspace(id) {
      const [row] = await engine.read.all(workspaceState({ id }));
      return row ? { isArchived: row.archived_at_us !== null } : null;
    },
  };
}

const apiKeyBySecret = prepare(({ secretHash }: { secretHash: string }) =>
  build
    .selectFrom('api_keys')
    .leftJoin('workspaces', 'workspaces.id', 'api_keys.workspace_id')
    .select([
      'api_keys.id',
      'api_keys.workspace_id',
      'is_admin',
      'name',
      'status',
      'hint',
      'api_keys.created_at_us',
      'expires_at_us',
      'workspaces.archived_at_us',
    ])
    .where('secret_hash', '=', secretHash)
    .compile(),
);

const environmentKeyBySecret = prepare(({ secretHash }: { secretHash: string }) =>
  build
    .selectFrom('environment_keys')
    .innerJoin('environments', 'environments.id', 'environment_keys.environment_id')
    .leftJoin('workspaces', 'workspaces.id', 'environments.workspace_id')
    .select(['environment_keys.document', 'environments.workspace_id', 'workspaces.archived_at_us'])
    .where('secret_hash', '=', secretHash)
    .compile(),
);

const workItemBySecret = prepare(({ secretHash }: { secretHash: string }) =>
  build
    .selectFrom('work_items')
    .innerJoin('environments', 'environments.id', 'work_items.environment_id')
    .leftJoin('workspaces', 'workspaces.id', 'environments.workspace_id')
    .select([
      'work_items.id',
      'session_id',
      'state',
      'environment_id',
      'environments.workspace_id',
      'workspaces.archived_at_us',
    ])
    .where('secret_hash', '=', secretHash)
    .compile(),
);

const workspaceState = prepare(({ id }: { id: string }) =>
  build.selectFrom('workspaces').select('archived_at_us').where('id', '=', id).compile(),
);

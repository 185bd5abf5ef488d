import type { Environments } from '../domain/collections.ts';
import type { ReadEnvironmentConfig } from '../domain/egress.ts';
import type { Environment } from '../protocol/environments.ts';
import { Refusal } from '../protocol/refusal.ts';
import type { Engine, Sql } from './engines/engine.ts';
import { microseconds } from './entry-rows.ts';
import { keyset } from './keyset.ts';
import type { EnvironmentRow } from './tables.ts';
import { build } from './tables.ts';

/** Of any workspace, for who makes sandboxes: a session names only an environment of its own. */
export function createReadEnvironmentConfig(engine: Engine): ReadEnvironmentConfig {
  return async (id) => {
    const query = build.selectFrom('environments').select('document').where('id', '=', id);
    const [row] = await engine.read.all(query.compile());
    return row ? environmentOf(row).config : null;
  };
}

export function createEnvironments(engine: Engine, workspaceId: string): Environments {
  return {
    async insert(environment) {
      await engine.write(async (tx) => {
        await refuseTakenName(tx, workspaceId, environment);
        await tx.run(build.insertInto('environments').values(rowOf(workspaceId, environment)).compile());
      });
    },
    async get(id) {
      const [row] = await engine.read.all(environmentById(workspaceId, id));
      return row ? environmentOf(row) : null;
    },
    change(id, rule) {
      return engine.write(async (tx) => {
        const [row] = await tx.all(environmentById(workspaceId, id));
        if (!row) return null;
        const before = environmentOf(row);
        const after = rule(before);
        if (after === before) return before;
        if (after.archived_at === null && after.name !== before.name)
          await refuseTakenName(tx, workspaceId, after);
        await tx.run(
          build.updateTable('environments').set(rowOf(workspaceId, after)).where('id', '=', id).compile(),
        );
        return after;
      });
    },
    async page(query) {
      let select = build
        .selectFrom('environments')
        .select(['id', 'created_at_us', 'document'])
        .where('workspace_id', '=', workspaceId);
      if (!query.includeArchived) select = select.where('archived_at_us', 'is', null);
      const rows = await engine.read.all(keyset(select, ['created_at_us', 'id'], query).compile());
      return rows.map((row) => ({
        item: environmentOf(row),
        position: [row.created_at_us, row.id] as const,
      }));
    },
    remove(id, check) {
      return engine.write(async (tx) => {
        const [row] = await tx.all(environmentById(workspaceId, id));
        if (!row) return false;
        const [sessions] = await tx.all(activeSessions(id));
        check(Number(sessions?.count ?? 0));
        await tx.run(build.deleteFrom('environments').where('id', '=', id).compile());
        return true;
      });
    },
  };
}

/** Asked inside the transaction: with one writer nobody can take the name in between; an index backs it up. */
async function refuseTakenName(tx: Sql, workspaceId: string, environment: Environment): Promise<void> {
  const query = build
    .selectFrom('environments')
    .select('id')
    .where('workspace_id', '=', workspaceId)
    .where('name', '=', environment.name)
    .where('archived_at_us', 'is', null)
    .limit(1);
  const [taken] = await tx.all(query.compile());
  if (taken) {
    throw new Refusal('conflict', `An environment with the name "${environment.name}" already exists.`);
  }
}

function rowOf(workspaceId: string, environment: Environment): EnvironmentRow {
  return {
    id: environment.id,
    workspace_id: workspaceId,
    created_at_us: microseconds(environment.created_at),
    archived_at_us: environment.archived_at === null ? null : microseconds(environment.archived_at),
    name: environment.name,
    document: JSON.stringify(environment),
  };
}

/** Documents are only ever written by `rowOf`, from an Environment. */
export function environmentOf(row: { document: string }): Environment {
  return JSON.parse(row.document) as Environment;
}

/** The id of an environment, if this workspace has it: what the rows below it are looked up by. */
export function ownEnvironment(workspaceId: string, id: string) {
  return build
    .selectFrom('environments')
    .select('id')
    .where('id', '=', id)
    .where('workspace_id', '=', workspaceId);
}

export function environmentById(workspaceId: string, id: string) {
  return build
    .selectFrom('environments')
    .select('document')
    .where('id', '=', id)
    .where('workspace_id', '=', workspaceId)
    .compile();
}

function activeSessions(id: string) {
  return build
    .selectFrom('sessions')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('environment_id', '=', id)
    .where('archived_at_us', 'is', null)
    .compile();
}

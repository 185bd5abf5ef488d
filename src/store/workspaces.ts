import type { WorkspaceQuery, Workspaces } from '../domain/organization.ts';
import type { Workspace } from '../protocol/workspaces.ts';
import type { Engine, Sql } from './engines/engine.ts';
import { microseconds } from './entry-rows.ts';
import { keyset } from './keyset.ts';
import type { WorkspaceRow } from './tables.ts';
import { build } from './tables.ts';

export function createWorkspaces(engine: Engine): Workspaces {
  return {
    insert(workspace, check) {
      return engine.write(async (tx) => {
        const [known] = await tx.all(workspaceById(workspace.id));
        if (known) return;
        const [active] = await tx.all(countActive());
        check(Number(active?.count ?? 0));
        await tx.run(build.insertInto('workspaces').values(rowOf(workspace)).compile());
      });
    },
    async get(id) {
      const [row] = await engine.read.all(workspaceById(id));
      return row ? workspaceOf(row) : null;
    },
    change: (id, rule) => engine.write((tx) => change(tx, id, rule)),
    archive(id, rule) {
      return engine.write(async (tx) => {
        const workspace = await change(tx, id, rule);
        // A key of the organization only happens to act here.
        if (workspace)
          await tx.run(
            build
              .updateTable('api_keys')
              .set({ status: 'archived' })
              .where('workspace_id', '=', id)
              .where('is_admin', '=', 0)
              .compile(),
          );
        return workspace;
      });
    },
    async page(query) {
      const rows = await engine.read.all(keyset(filtered(query), ['created_at_us', 'id'], query).compile());
      return rows.map((row) => ({ item: workspaceOf(row), position: [row.created_at_us, row.id] as const }));
    },
  };
}

function filtered({ includeArchived, ids, except }: WorkspaceQuery) {
  let select = build.selectFrom('workspaces').select(['id', 'created_at_us', 'document']);
  if (!includeArchived) select = select.where('archived_at_us', 'is', null);
  if (ids !== null) select = select.where('id', 'in', [...ids]);
  if (except !== null) select = select.where('id', '!=', except);
  return select;
}

async function change(
  tx: Sql,
  id: string,
  rule: (current: Workspace) => Workspace,
): Promise<Workspace | null> {
  const [row] = await tx.all(workspaceById(id));
  if (!row) return null;
  const before = workspaceOf(row);
  const after = rule(before);
  if (after !== before)
    await tx.run(build.updateTable('workspaces').set(rowOf(after)).where('id', '=', id).compile());
  return after;
}

function countActive() {
  return build
    .selectFrom('workspaces')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('archived_at_us', 'is', null)
    .compile();
}

function rowOf(workspace: Workspace): WorkspaceRow {
  return {
    id: workspace.id,
    created_at_us: microseconds(workspace.created_at),
    archived_at_us: workspace.archived_at === null ? null : microseconds(workspace.archived_at),
    document: JSON.stringify(workspace),
  };
}

/** Documents are only ever written by `rowOf`, from a Workspace. */
export function workspaceOf(row: { document: string }): Workspace {
  return JSON.parse(row.document) as Workspace;
}

export function workspaceById(id: string) {
  return build.selectFrom('workspaces').select('document').where('id', '=', id).compile();
}

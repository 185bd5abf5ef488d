import type { Clock } from '../base/clock.ts';
import type { NewId } from '../base/ids.ts';
import { absentWorkspace } from '../domain/api-keys.ts';
import type { Workspaces } from '../domain/organization.ts';
import {
  archiveWorkspace,
  checkWorkspaceAdmission,
  createWorkspace,
  updateWorkspace,
} from '../domain/workspaces.ts';
import type { Workspace, WorkspaceCreate, WorkspaceUpdate } from '../protocol/workspaces.ts';
import type { IdPage, IdWindow } from './page-by-ids.ts';
import { pageByIds, positionOf } from './page-by-ids.ts';

export type WorkspaceDeps = {
  readonly workspaces: Workspaces;
  readonly defaultWorkspaceId: string;
  readonly clock: Clock;
  readonly newId: NewId;
};

export type WorkspaceCommands = {
  create(body: WorkspaceCreate): Promise<Workspace>;
  retrieve(id: string): Promise<Workspace>;
  update(id: string, body: WorkspaceUpdate): Promise<Workspace>;
  list(query: WorkspaceListQuery): Promise<IdPage<Workspace>>;
  archive(id: string): Promise<Workspace>;
};

export type WorkspaceListQuery = IdWindow & {
  readonly ids?: readonly string[] | undefined;
  readonly include_archived?: boolean | undefined;
  readonly include_default?: boolean | undefined;
};

export function createWorkspaceCommands({
  workspaces,
  defaultWorkspaceId,
  clock,
  newId,
}: WorkspaceDeps): WorkspaceCommands {
  return {
    async create(body) {
      const workspace = createWorkspace(body, newId('wrkspc'), clock.nowUs());
      await workspaces.insert(workspace, checkWorkspaceAdmission);
      return workspace;
    },
    async retrieve(id) {
      return found(await workspaces.get(id), id);
    },
    async update(id, body) {
      return found(await workspaces.change(id, (current) => updateWorkspace(current, body)), id);
    },
    list: (query) =>
      pageByIds(query, {
        position: async (id) => positionOf(await workspaces.get(id)),
        fetch: (window) =>
          workspaces.page({
            ...window,
            ids: query.ids ?? null,
            includeArchived: query.include_archived ?? false,
            except: query.include_default ? null : defaultWorkspaceId,
          }),
      }),
    async archive(id) {
      const nowUs = clock.nowUs();
      const rule = (current: Workspace) => archiveWorkspace(current, defaultWorkspaceId, nowUs);
      return found(await workspaces.archive(id, rule), id);
    },
  };
}

function found(workspace: Workspace | null, id: string): Workspace {
  if (!workspace) throw absentWorkspace(id);
  return workspace;
}

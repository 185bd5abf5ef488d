import type { Clock } from '../base/clock.ts';
import type { NewId } from '../base/ids.ts';
import type { Environments } from '../domain/collections.ts';
import {
  absentEnvironment,
  archivedEnvironment,
  archiveEnvironment,
  createEnvironment,
  updateEnvironment,
} from '../domain/environments.ts';
import type { Environment, EnvironmentCreate, EnvironmentUpdate } from '../protocol/environments.ts';
import { Refusal } from '../protocol/refusal.ts';
import type { Page, WindowQuery } from './page.ts';
import { pageOf } from './page.ts';

export type EnvironmentDeps = {
  readonly environments: Environments;
  readonly clock: Clock;
  readonly newId: NewId;
};

export type EnvironmentCommands = {
  create(body: EnvironmentCreate): Promise<Environment>;
  retrieve(id: string): Promise<Environment>;
  update(id: string, body: EnvironmentUpdate): Promise<Environment>;
  list(query: WindowQuery & { include_archived?: boolean | undefined }): Promise<Page<Environment>>;
  archive(id: string): Promise<Environment>;
  delete(
    id: string,
    query: { force?: boolean | undefined },
  ): Promise<{ id: string; type: 'environment_deleted' }>;
};

export function createEnvironmentCommands({
  environments,
  clock,
  newId,
}: EnvironmentDeps): EnvironmentCommands {
  async function change(id: string, rule: (current: Environment) => Environment): Promise<Environment> {
    const changed = await environments.change(id, rule);
    if (!changed) throw absentEnvironment(id);
    return changed;
  }

  return {
    async create(body) {
      const environment = createEnvironment(body, newId('env'), clock.nowUs());
      await environments.insert(environment);
      return environment;
    },
    async retrieve(id) {
      const environment = await environments.get(id);
      if (!environment) throw absentEnvironment(id);
      return environment;
    },
    update: (id, body) => change(id, (current) => updateEnvironment(current, body, clock.nowUs())),
    list: (query) =>
      pageOf(query, { limit: 20, order: 'desc' }, (page) =>
        environments.page({ ...page, includeArchived: query.include_archived ?? false }),
      ),
    archive: (id) => change(id, (current) => archiveEnvironment(current, clock.nowUs())),
    async delete(id, { force }) {
      const removed = await environments.remove(id, (activeSessions) => {
        if (activeSessions === 0 || force) return;
        throw new Refusal(
          'conflict_invalid',
          `Environment has ${activeSessions} active sessions. Use force=true to delete anyway.`,
        );
      });
      if (!removed) throw absentEnvironment(id);
      return { id, type: 'environment_deleted' };
    },
  };
}

/** One that sessions can be created in. */
export async function usableEnvironment(environments: Environments, id: string): Promise<Environment> {
  const environment = await environments.get(id);
  if (!environment) throw absentEnvironment(id);
  if (environment.archived_at !== null) throw archivedEnvironment(id);
  return environment;
}

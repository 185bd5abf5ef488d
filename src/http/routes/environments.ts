import type { EnvironmentCommands } from '../../control/environments.ts';
import type { Keys, Some } from '../handlers.ts';

export function environmentRoutes(environments: EnvironmentCommands): Some<Keys<'beta.environments'>> {
  return {
    'beta.environments create': ({ body }) => environments.create(body),
    'beta.environments retrieve': ({ params }) => environments.retrieve(params.environment_id),
    'beta.environments update': ({ params, body }) => environments.update(params.environment_id, body),
    'beta.environments list': ({ query }) => environments.list(query),
    'beta.environments archive': ({ params }) => environments.archive(params.environment_id),
    'beta.environments delete': ({ params, query }) => environments.delete(params.environment_id, query),
  };
}

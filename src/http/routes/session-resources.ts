import type { SessionResourceCommands } from '../../control/session-resources.ts';
import type { Keys, Some } from '../handlers.ts';

export function sessionResourceRoutes(
  resources: SessionResourceCommands,
): Some<Keys<'beta.sessions.resources'>> {
  return {
    'beta.sessions.resources add': ({ params, body }) => resources.add(params.session_id, body),
    'beta.sessions.resources retrieve': ({ params }) =>
      resources.retrieve(params.session_id, params.resource_id),
    'beta.sessions.resources update': ({ params, body }) =>
      resources.update(params.session_id, params.resource_id, body),
    'beta.sessions.resources list': ({ params, query }) => resources.list(params.session_id, query),
    'beta.sessions.resources delete': ({ params }) => resources.delete(params.session_id, params.resource_id),
  };
}

import type { SessionCommands } from '../../control/sessions.ts';
import type { Keys, Some } from '../handlers.ts';

export function sessionRoutes(sessions: SessionCommands): Some<Keys<'beta.sessions'>> {
  return {
    'beta.sessions create': ({ body }) => sessions.create(body),
    'beta.sessions retrieve': ({ params }) => sessions.retrieve(params.session_id),
    'beta.sessions update': ({ params, body }) => sessions.update(params.session_id, body),
    'beta.sessions list': ({ query }) => sessions.list(query),
    'beta.sessions archive': ({ params }) => sessions.archive(params.session_id),
    'beta.sessions delete': ({ params }) => sessions.delete(params.session_id),
  };
}

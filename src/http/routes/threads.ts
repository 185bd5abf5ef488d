import type { ThreadCommands } from '../../control/threads.ts';
import type { Keys, Some } from '../handlers.ts';

export function threadRoutes(threads: ThreadCommands): Some<Keys<'beta.sessions.threads'>> {
  return {
    'beta.sessions.threads list': ({ params, query }) => threads.list(params.session_id, query),
    'beta.sessions.threads retrieve': ({ params }) => threads.retrieve(params.session_id, params.thread_id),
    'beta.sessions.threads archive': ({ params }) => threads.archive(params.session_id, params.thread_id),
  };
}

import type { WorkCommands } from '../../control/work.ts';
import type { Keys, Some } from '../handlers.ts';

export function workRoutes(work: WorkCommands): Some<Keys<'beta.environments.work'>> {
  return {
    'beta.environments.work list': ({ params, query }) => work.list(params.environment_id, query),
    'beta.environments.work poll': ({ params, query, worker }) =>
      work.poll(params.environment_id, query, worker),
    'beta.environments.work stats': ({ params }) => work.stats(params.environment_id),
    'beta.environments.work retrieve': ({ params }) => work.retrieve(params.environment_id, params.work_id),
    'beta.environments.work update': ({ params, body }) =>
      work.update(params.environment_id, params.work_id, body),
    'beta.environments.work ack': ({ params }) => work.ack(params.environment_id, params.work_id),
    'beta.environments.work heartbeat': ({ params, query }) =>
      work.heartbeat(params.environment_id, params.work_id, query),
    'beta.environments.work stop': ({ params, body }) =>
      work.stop(params.environment_id, params.work_id, body),
  };
}

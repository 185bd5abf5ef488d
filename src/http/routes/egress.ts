import type { EgressCommands } from '../../control/egress.ts';
import type { Keys, Some } from '../handlers.ts';

export function egressRoutes(egress: EgressCommands): Some<Keys<'beta.sessions.egress'>> {
  return {
    'beta.sessions.egress list': ({ params, query }) => egress.list(params.session_id, query),
  };
}

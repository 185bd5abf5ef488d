import type { AgentCommands } from '../../control/agents.ts';
import type { Keys, Some } from '../handlers.ts';

export function agentRoutes(agents: AgentCommands): Some<Keys<'beta.agents' | 'beta.agents.versions'>> {
  return {
    'beta.agents create': ({ body }) => agents.create(body),
    'beta.agents retrieve': ({ params, query }) => agents.retrieve(params.agent_id, query.version),
    'beta.agents update': ({ params, body }) => agents.update(params.agent_id, body),
    'beta.agents list': ({ query }) => agents.list(query),
    'beta.agents archive': ({ params }) => agents.archive(params.agent_id),
    'beta.agents.versions list': ({ params, query }) => agents.versions(params.agent_id, query),
  };
}

import type { DeploymentRunCommands } from '../../control/deployment-runs.ts';
import type { DeploymentCommands } from '../../control/deployments.ts';
import type { Keys, Some } from '../handlers.ts';

export function deploymentRoutes(
  deployments: DeploymentCommands,
  runs: DeploymentRunCommands,
): Some<Keys<'beta.deployments'> | Keys<'beta.deploymentRuns'>> {
  return {
    'beta.deployments create': ({ body }) => deployments.create(body),
    'beta.deployments retrieve': ({ params }) => deployments.retrieve(params.deployment_id),
    'beta.deployments update': ({ params, body }) => deployments.update(params.deployment_id, body),
    'beta.deployments list': ({ query }) => deployments.list(query),
    'beta.deployments archive': ({ params }) => deployments.archive(params.deployment_id),
    'beta.deployments pause': ({ params }) => deployments.pause(params.deployment_id),
    'beta.deployments run': ({ params }) => runs.start(params.deployment_id),
    'beta.deployments unpause': ({ params }) => deployments.unpause(params.deployment_id),
    'beta.deploymentRuns retrieve': ({ params }) => runs.retrieve(params.deployment_run_id),
    'beta.deploymentRuns list': ({ query }) => runs.list(query),
  };
}

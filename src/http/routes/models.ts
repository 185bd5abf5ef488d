import type { ModelCommands } from '../../control/models.ts';
import type { Keys, Some } from '../handlers.ts';

export function modelRoutes(models: ModelCommands): Some<Keys<'models' | 'beta.models'>> {
  return {
    'models list': ({ query }) => models.list(query),
    'models retrieve': ({ params }) => models.retrieve(params.model_id),
    'beta.models list': ({ query }) => models.list(query),
    'beta.models retrieve': ({ params }) => models.retrieve(params.model_id),
  };
}

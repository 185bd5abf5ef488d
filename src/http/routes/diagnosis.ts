import type { DiagnosisCommands } from '../../control/diagnosis.ts';
import type { Keys, Some } from '../handlers.ts';

export function diagnosisRoutes(diagnosis: DiagnosisCommands): Some<Keys<'beta.sessions.diagnosis'>> {
  return {
    'beta.sessions.diagnosis retrieve': ({ params }) => diagnosis.retrieve(params.session_id),
  };
}

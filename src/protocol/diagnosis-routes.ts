import { sessionDiagnosisSchema } from './diagnosis.ts';
import type { Route } from './route.ts';
import { read } from './route-parts.ts';

/** Ours: the API of record has nothing of the kind. */
export const diagnosisRoutes = {
  'beta.sessions.diagnosis retrieve': {
    beta: 'managed-agents',
    messages: 'managed',
    resource: ['beta', 'sessions', 'diagnosis'],
    ...read,
    action: 'retrieve',
    summary: 'Say what a session waits for, since when, and who can let it go on',
    path: '/v1/sessions/:session_id/diagnosis',
    response: sessionDiagnosisSchema,
  },
} as const satisfies Record<string, Route>;

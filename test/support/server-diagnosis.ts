import type Anthropic from '@anthropic-ai/sdk';
import type { SessionDiagnosis } from '../../src/protocol/diagnosis.ts';

/** What a session waits for: a call of ours that the SDK has no method for. */
export function diagnosisOf(client: Anthropic, sessionId: string) {
  return client.get<SessionDiagnosis>(`/v1/sessions/${sessionId}/diagnosis`, {
    headers: { 'anthropic-beta': 'managed-agents-2026-04-01' },
  });
}

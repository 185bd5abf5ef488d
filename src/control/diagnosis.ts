import { diagnose } from '../domain/session/diagnose.ts';
import type { SessionLog } from '../domain/session/session-log.ts';
import type { SessionDiagnosis } from '../protocol/diagnosis.ts';
import { absentSession } from './sessions.ts';

export type DiagnosisCommands = { retrieve(sessionId: string): Promise<SessionDiagnosis> };

export function createDiagnosisCommands({ log }: { readonly log: SessionLog }): DiagnosisCommands {
  return {
    async retrieve(sessionId) {
      const state = await log.state(sessionId);
      if (!state) throw absentSession(sessionId);
      return diagnose(state);
    },
  };
}

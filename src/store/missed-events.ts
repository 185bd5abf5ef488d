import type { Clock } from '../base/clock.ts';
import { missedEventWindowMs } from '../domain/limits.ts';

/** Client events of the last few seconds that came while nobody listened. */
export type MissedEvents = {
  note(sessionId: string, seq: number): void;
  /** `seq` of the session's oldest that is still recent, or `null`. The session is forgotten. */
  take(sessionId: string): number | null;
};

type Missed = { readonly seq: number; readonly atUs: number };

export function createMissedEvents(clock: Clock): MissedEvents {
  /** Oldest event first; sessions in the order of their newest, so that the first to keep ends the search. */
  const sessions = new Map<string, Missed[]>();
  const isRecent = ({ atUs }: Missed) => clock.nowUs() - atUs <= missedEventWindowMs * 1000;

  function forgetOld(): void {
    for (const [id, events] of sessions) {
      if (events.slice(-1).some(isRecent)) return;
      sessions.delete(id);
    }
  }

  return {
    note(id, seq) {
      forgetOld();
      const events = sessions.get(id) ?? [];
      while (events[0] && !isRecent(events[0])) events.shift();
      events.push({ seq, atUs: clock.nowUs() });
      sessions.delete(id);
      sessions.set(id, events);
    },
    take(id) {
      const oldest = sessions.get(id)?.find(isRecent);
      sessions.delete(id);
      return oldest?.seq ?? null;
    },
  };
}

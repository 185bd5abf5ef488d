import type { Clock } from '../base/clock.ts';
import { missedEventWindowMs } from '../domain/limits.ts';
import type { AcceptedAt } from '../domain/tails.ts';

/** Client events of the last few seconds, and whether anybody listened when they came. */
export type MissedEvents = {
  /** Told twice of the same commit, the first time counts. */
  note(sessionId: string, noted: AcceptedAt, isSeen: boolean): void;
  /** Somebody listened to it after all. */
  see(sessionId: string, seq: number): void;
  /** Whether the commit with this record was noted; for twice as long as it is recent, as clocks of servers differ. */
  knows(sessionId: string, seq: number): boolean;
  /** `seq` of the session's oldest that is still recent and nobody saw, or `null`. From now on all of them are seen. */
  take(sessionId: string): number | null;
};

type Note = AcceptedAt & { readonly atUs: number; isSeen: boolean };

export function createMissedEvents(clock: Clock): MissedEvents {
  /** In the order of the log; sessions in the order of their newest, so that the first to keep ends the search. */
  const sessions = new Map<string, Note[]>();
  const isYounger = ({ atUs }: Note, ms: number) => clock.nowUs() - atUs <= ms * 1000;
  const isKept = (note: Note) => isYounger(note, 2 * missedEventWindowMs);

  function forgetOld(): void {
    for (const [id, notes] of sessions) {
      const newest = notes.at(-1);
      if (newest && isKept(newest)) return;
      sessions.delete(id);
    }
  }

  function noteOf(id: string, seq: number): Note | undefined {
    const note = sessions.get(id)?.findLast(({ from }) => from <= seq);
    return note && seq <= note.to ? note : undefined;
  }

  return {
    note(id, noted, isSeen) {
      forgetOld();
      if (noteOf(id, noted.from)) return;
      const notes = sessions.get(id) ?? [];
      while (notes[0] && !isKept(notes[0])) notes.shift();
      // Commits of several servers may be told in another order.
      const at = notes.findLastIndex(({ from }) => from < noted.from) + 1;
      notes.splice(at, 0, { ...noted, atUs: clock.nowUs(), isSeen });
      sessions.delete(id);
      sessions.set(id, notes);
    },
    see(id, seq) {
      const note = noteOf(id, seq);
      if (note) note.isSeen = true;
    },
    knows: (id, seq) => noteOf(id, seq) !== undefined,
    take(id) {
      const notes = sessions.get(id) ?? [];
      const oldest = notes.find((note) => !note.isSeen && isYounger(note, missedEventWindowMs));
      for (const note of notes) note.isSeen = true;
      return oldest?.from ?? null;
    },
  };
}

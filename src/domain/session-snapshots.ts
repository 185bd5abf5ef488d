import type { StagedBlob } from './blobs.ts';

/** The files of a session as they were at rest, for whichever server has it next. */
export type SessionSnapshot = {
  /** Counts from 1, one more with each. */
  readonly generation: number;
  readonly sha256: string;
  readonly bytes: number;
};

/** The newest snapshot of each session; it goes with its session. */
export interface SessionSnapshots {
  latest(sessionId: string): Promise<SessionSnapshot | null>;
  /** Takes the place of the one of `generation - 1`; false: somebody else has made one since, or the session is gone. */
  put(sessionId: string, generation: number, staged: StagedBlob, nowUs: number): Promise<boolean>;
}

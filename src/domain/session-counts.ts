import type { SessionStatus } from './session/state.ts';

/** How many sessions there are, in all workspaces, for who runs the server. */
export interface SessionCounts {
  /** Those that are not archived; every status comes. */
  byStatus(): Promise<readonly { readonly status: SessionStatus; readonly count: number }[]>;
  /** Those whose time has come and that no brain has taken, and how long the first of them has waited. */
  waiting(): Promise<{ readonly count: number; readonly oldestSeconds: number }>;
  /** Those that a brain works on now. */
  leased(): Promise<number>;
}

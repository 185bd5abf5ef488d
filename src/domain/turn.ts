import type { SessionState } from './session/state.ts';

/** A running turn. `notice` tells it that its session's log grew. */
export type Turn = {
  readonly done: Promise<TurnEnd>;
  notice(state: SessionState): void;
  /** Gives it up once what is under way has come to its end. */
  leave(): void;
  /** Gives it up at once, without a word. */
  stop(): void;
};

/** `released`: the commit that brought the session to rest also gave up the lease. `held`: it is still ours to release. */
export type TurnEnd = 'released' | 'held';

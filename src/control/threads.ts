import type { Clock } from '../base/clock.ts';
import type { SessionLog } from '../domain/session/session-log.ts';
import type { SessionState } from '../domain/session/state.ts';
import { summarizeThread } from '../domain/session/summarize.ts';
import { decodeCursor } from '../protocol/cursor.ts';
import { invalid, Refusal } from '../protocol/refusal.ts';
import type { QueryOf } from '../protocol/routes.ts';
import type { Thread } from '../protocol/threads.ts';
import type { Page } from './page.ts';

export type ThreadDeps = { readonly log: SessionLog; readonly clock: Clock };

export type ThreadCommands = {
  list(sessionId: string, query: QueryOf<'beta.sessions.threads list'>): Promise<Page<Thread>>;
  retrieve(sessionId: string, threadId: string): Promise<Thread>;
  archive(sessionId: string, threadId: string): Promise<Thread>;
  /** Resolves when the session has this thread; refuses otherwise. */
  require(sessionId: string, threadId: string): Promise<void>;
};

/** A session has its primary thread; child threads come with multi-agent sessions. */
export function createThreadCommands({ log, clock }: ThreadDeps): ThreadCommands {
  async function session(id: string): Promise<SessionState> {
    const state = await log.state(id);
    if (!state) throw new Refusal('not_found', `Session not found: ${id}`);
    return state;
  }

  async function primary(sessionId: string, threadId: string): Promise<SessionState> {
    if (!/^sthr_[A-Za-z0-9]{1,123}$/.test(threadId)) throw invalid(`Invalid thread ID: ${threadId}`);
    const state = await session(sessionId);
    if (state.threadId !== threadId) throw new Refusal('not_found', `Thread not found: ${threadId}`);
    return state;
  }

  return {
    async list(sessionId, { statuses, page }) {
      // One thread fits every page, so whatever a cursor says, nothing comes after it.
      if (page !== undefined) decodeCursor(page, 'asc');
      const thread = summarizeThread(await session(sessionId), clock.nowUs());
      const shown = page === undefined && (statuses?.includes(thread.status) ?? true);
      return { data: shown ? [thread] : [], next_page: null };
    },
    retrieve: async (sessionId, threadId) =>
      summarizeThread(await primary(sessionId, threadId), clock.nowUs()),
    async archive(sessionId, threadId) {
      await primary(sessionId, threadId);
      throw invalid('The primary thread cannot be archived; archive the session instead');
    },
    async require(sessionId, threadId) {
      await primary(sessionId, threadId);
    },
  };
}

import type { SessionLog } from '../domain/session/session-log.ts';
import type { EventType, SessionEvent } from '../protocol/events.ts';
import { Refusal } from '../protocol/refusal.ts';
import type { Page, WindowQuery } from './page.ts';
import { pageOf } from './page.ts';

export type EventListQuery = WindowQuery & { readonly types?: readonly EventType[] | undefined };

/** The history of a session's primary thread, by `processed_at`, queued events last. */
export async function listEvents(
  log: SessionLog,
  sessionId: string,
  query: EventListQuery,
): Promise<Page<SessionEvent>> {
  if (!(await log.state(sessionId))) throw new Refusal('not_found', `Session not found: ${sessionId}`);
  return await pageOf(query, { limit: 1000, order: 'asc' }, (page) =>
    log.events(sessionId, { ...page, types: query.types ?? null }),
  );
}

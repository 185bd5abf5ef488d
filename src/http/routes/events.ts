import type { Clock } from '../../base/clock.ts';
import type { NewId } from '../../base/ids.ts';
import { listEvents } from '../../control/list-events.ts';
import { sendEvents } from '../../control/send-events.ts';
import { streamEvents } from '../../control/stream-events.ts';
import type { ThreadCommands } from '../../control/threads.ts';
import type { ModelCatalog } from '../../domain/catalog.ts';
import type { Files } from '../../domain/collections.ts';
import type { SessionLog } from '../../domain/session/session-log.ts';
import type { Tails } from '../../domain/tails.ts';
import type { Keys, Some } from '../handlers.ts';

export type EventRouteDeps = {
  readonly log: SessionLog;
  readonly catalog: ModelCatalog;
  readonly files: Files;
  readonly tails: Tails;
  readonly threads: ThreadCommands;
  readonly clock: Clock;
  readonly newId: NewId;
};

/** Events of a session, and of its threads: with one thread both are the same history. */
export function eventRoutes(
  deps: EventRouteDeps,
): Some<Keys<'beta.sessions.events' | 'beta.sessions.threads.events'>> {
  return {
    'beta.sessions.events send': ({ params, body }) => sendEvents(deps, params.session_id, body.events),
    'beta.sessions.events list': ({ params, query }) => listEvents(deps.log, params.session_id, query),
    'beta.sessions.events stream': ({ params, query, lastEventId }) =>
      streamEvents(deps, params.session_id, {
        after: lastEventId ?? query.after ?? null,
        previews: query.event_deltas ?? [],
      }),
    async 'beta.sessions.threads.events list'({ params, query }) {
      await deps.threads.require(params.session_id, params.thread_id);
      return await listEvents(deps.log, params.session_id, query);
    },
    async 'beta.sessions.threads.events stream'({ params, query, lastEventId }) {
      await deps.threads.require(params.session_id, params.thread_id);
      const options = { after: lastEventId ?? query.after ?? null, previews: query.event_deltas ?? [] };
      return await streamEvents(deps, params.session_id, options);
    },
  };
}

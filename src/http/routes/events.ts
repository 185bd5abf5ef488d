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
import type { EventParams } from '../../protocol/event-params.ts';
import { Refusal } from '../../protocol/refusal.ts';
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
    async 'beta.sessions.events send'({ params, body, environmentId }) {
      const isWorker = environmentId !== null;
      if (isWorker) refuseAllButResults(body.events);
      return await sendEvents(deps, params.session_id, { events: body.events, isWorker });
    },
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

/** Workers answer tool calls; they do not talk to the agent. */
function refuseAllButResults(events: readonly EventParams[]): void {
  const other = events.findIndex(
    ({ type }) => type !== 'user.tool_result' && type !== 'user.custom_tool_result',
  );
  if (other === -1) return;
  throw new Refusal(
    'permission',
    `events[${other}]: an environment key can only send user.tool_result and user.custom_tool_result`,
  );
}

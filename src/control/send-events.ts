import type { Clock } from '../base/clock.ts';
import type { NewId } from '../base/ids.ts';
import type { ModelCatalog } from '../domain/catalog.ts';
import type { Files } from '../domain/collections.ts';
import { acceptEvents } from '../domain/session/decide.ts';
import { draftOf } from '../domain/session/draft.ts';
import type { SessionLog } from '../domain/session/session-log.ts';
import { checkSystemModel } from '../domain/session/system-messages.ts';
import type { EventParams } from '../protocol/event-params.ts';
import type { ClientEvent } from '../protocol/events.ts';
import { checkFileBlocks } from './file-blocks.ts';

export type SendEventsDeps = {
  readonly log: SessionLog;
  readonly catalog: ModelCatalog;
  readonly files: Files;
  readonly clock: Clock;
  readonly newId: NewId;
};

export type Sending = {
  readonly events: readonly EventParams[];
  /** A worker of the session's environment sends them. */
  readonly isWorker: boolean;
};

/**
 * Hops 2 and 3: a client's events against the session's rules, in one transaction. Resolves with the
 * events as accepted, in posted order, once they are durable; a refusal changes nothing.
 */
export async function sendEvents(
  { log, catalog, files, clock, newId }: SendEventsDeps,
  sessionId: string,
  { events, isWorker }: Sending,
): Promise<{ data: ClientEvent[] }> {
  await checkFileBlocks({ files, nowUs: clock.nowUs() }, events, 'events');
  const data = await log.commit(sessionId, (state) => {
    checkSystemModel(state, events, catalog);
    const draft = draftOf(state, { nowUs: clock.nowUs(), newId });
    const result = acceptEvents(draft, events, { isWorker });
    return { entries: draft.entries(), result };
  });
  return { data };
}

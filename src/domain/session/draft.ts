import type { NewId } from '../../base/ids.ts';
import { formatUs } from '../../base/timestamp.ts';
import type { SessionEvent } from '../../protocol/events.ts';
import type { CallResult } from './calls.ts';
import type { Entry } from './entry.ts';
import { evolve } from './evolve.ts';
import type { SessionState } from './state.ts';

/** What the rules may know of the world: the time of the decision and a source of ids. */
export type Moment = { readonly nowUs: number; readonly newId: NewId };

/**
 * A decision in the making: entries so far and the state they lead to. Rules append and look at
 * `state` again, so a batch is judged event by event with the effect of those before it.
 */
export type Draft = {
  readonly state: () => SessionState;
  readonly entries: () => readonly Entry[];
  readonly append: (entry: Entry) => void;
  /** A fresh `processed_at`: strictly later than every stamp of the session so far. */
  readonly stamp: () => string;
  readonly newId: NewId;
  readonly nowUs: number;
};

export function draftOf(start: SessionState, moment: Moment): Draft {
  let state = start;
  let lastUs = Math.max(start.lastAtUs, moment.nowUs - 1);
  const entries: Entry[] = [];
  return {
    state: () => state,
    entries: () => entries,
    append(entry) {
      state = evolve(state, { seq: state.seq + 1, entry });
      entries.push(entry);
    },
    stamp() {
      lastUs += 1;
      return formatUs(lastUs);
    },
    newId: moment.newId,
    nowUs: moment.nowUs,
  };
}

/** Omit that keeps a union a union. */
type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
export type EventBody = Without<SessionEvent, 'id' | 'processed_at'>;

/** Appends a server event with a fresh id and stamp; returns its id. */
export function emit(draft: Draft, body: EventBody, id: string = draft.newId('sevt')): string {
  // The union's members differ only in `body`; id and processed_at are the two keys taken out above.
  draft.append({ kind: 'emitted', event: { ...body, id, processed_at: draft.stamp() } as SessionEvent });
  return id;
}

/** The two events of a call that the model's provider made and answered. */
export function emitProviderCall(draft: Draft, use: EventBody, result: CallResult): void {
  const emitOwn = (body: EventBody): string => {
    const id = draft.newId('sevt');
    // As in `emit`.
    const event = { ...body, id, processed_at: draft.stamp() } as SessionEvent;
    draft.append({ kind: 'emitted', event, byProvider: true });
    return id;
  };
  const tool_use_id = emitOwn(use);
  emitOwn({
    type: 'agent.tool_result',
    tool_use_id,
    content: [...result.content],
    is_error: result.isError,
  });
}

export function consume(draft: Draft, eventId: string): void {
  draft.append({ kind: 'consumed', eventId, processedAt: draft.stamp() });
}

import Anthropic from '@anthropic-ai/sdk';
import type { ListedEvent, SendParams, StreamedEvent } from '../support/server-sessions.ts';
import { listAll, send } from '../support/server-sessions.ts';
import type { Fleet } from './fleet.ts';

/** A client of one session that outlives any server: it sends until it knows, and reads its stream across cuts. */
export type Teller = {
  readonly sessionId: string;
  /** All that its streams delivered, in order; before it the first event of all, where streams were cut too early. */
  readonly seen: readonly StreamedEvent[];
  /** Resolves when the server is known to have taken the events. */
  send(...events: SendParams): Promise<void>;
  /** Resolves when the streams have delivered such an event. */
  until(holds: (event: StreamedEvent) => boolean): Promise<void>;
  /** All events, once the session rests and the stream has shown it. */
  rest(): Promise<readonly ListedEvent[]>;
  close(): Promise<void>;
};

/** Starts of servers included, on a machine that has other things to do. */
const restMsMax = 150_000;
const pause = () => new Promise((resolve) => setTimeout(resolve, 25));

export async function tellerOf({ client }: Fleet, sessionId: string): Promise<Teller> {
  const seen: StreamedEvent[] = [];
  const watchers = new Set<() => void>();
  const done = new AbortController();
  let last: string | null = null;

  function see(event: StreamedEvent): void {
    seen.push(event);
    if ('id' in event) last = event.id;
    for (const watch of watchers) watch();
  }

  async function read(isFirst: boolean, opened: () => void): Promise<void> {
    const headers = last === null ? {} : { 'last-event-id': last };
    const options = { headers, signal: done.signal };
    const stream = await client.beta.sessions.events.stream(sessionId, undefined, options);
    opened();
    const missed = last === null && !isFirst ? (await listAll(client, sessionId))[0] : undefined;
    if (missed) {
      // The stream before was cut before it had shown anything to go on from.
      stream.controller.abort();
      see(missed);
      return;
    }
    for await (const event of stream) see(event);
  }

  async function readOn(opened: () => void): Promise<void> {
    for (let isFirst = true; !done.signal.aborted; isFirst = false) {
      await read(isFirst, opened).catch(() => undefined);
      // What the stream was cut by is known to whoever kills.
      if (!done.signal.aborted) await pause();
    }
  }

  async function takenAlready(events: SendParams): Promise<boolean> {
    const wanted = events.map((event) => textOf(event));
    // One interrupt too many harms nothing.
    if (wanted.includes('user.interrupt')) return false;
    const known = (await listAll(client, sessionId)).map((event) => textOf(event));
    return wanted.every((text) => known.includes(text));
  }

  const opened = Promise.withResolvers<void>();
  const ended = readOn(() => opened.resolve());
  await opened.promise;
  return {
    sessionId,
    seen,
    async send(...events) {
      for (;;) {
        try {
          await send(client, sessionId, ...events);
          return;
        } catch (cause) {
          // An answer that is cut in the middle is not the SDK's to retry; a refusal may be for what came before it.
          const isRefusal = cause instanceof Anthropic.APIError && cause.status !== undefined;
          if (await takenAlready(events)) return;
          if (isRefusal) throw cause;
        }
      }
    },
    until: (holds) =>
      new Promise((resolve) => {
        const look = () => {
          if (!seen.some(holds)) return;
          watchers.delete(look);
          resolve();
        };
        watchers.add(look);
        look();
      }),
    async rest() {
      const deadline = Date.now() + restMsMax;
      for (;;) {
        const { status } = await client.beta.sessions.retrieve(sessionId);
        if (status === 'idle' || status === 'terminated') {
          const events = await listAll(client, sessionId);
          if (isSame(lastProcessed(events), seen.at(-1))) return events;
        }
        if (Date.now() > deadline) {
          const last = (await listAll(client, sessionId)).slice(-3);
          throw new Error(
            `${sessionId} is stuck: ${status}, ${JSON.stringify(last)}, seen ${JSON.stringify(seen.slice(-3))}`,
          );
        }
        await pause();
      }
    },
    async close() {
      done.abort();
      await ended;
    },
  };
}

/** Messages that wait behind a question are listed after all else, and streamed when their turn has come. */
export function lastProcessed(events: readonly ListedEvent[]): ListedEvent | undefined {
  return events.findLast((event) => event.processed_at !== null);
}

function isSame(listed: ListedEvent | undefined, streamed: StreamedEvent | undefined): boolean {
  return listed !== undefined && streamed !== undefined && 'id' in streamed && listed.id === streamed.id;
}

/** What a client knows an event by, before the server has named it. */
function textOf(event: SendParams[number] | ListedEvent): string {
  if (event.type === 'user.message')
    return JSON.stringify(event.content.map((block) => 'text' in block && block.text));
  if (event.type === 'user.custom_tool_result') return `result for ${event.custom_tool_use_id}`;
  return event.type;
}

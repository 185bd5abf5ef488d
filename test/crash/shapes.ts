import type { ListedEvent } from '../support/server-sessions.ts';
import { interrupt, message } from '../support/server-sessions.ts';
import type { Outside } from './outside.ts';
import type { Teller } from './teller.ts';
import { lastProcessed } from './teller.ts';

/** What a client does in one session, from its first message to its rest; messages are named after it. */
export type Shape = (teller: Teller, name: string, outside: Outside) => Promise<unknown>;

/** The calls that a session at rest waits for. */
function awaited(events: readonly ListedEvent[]): readonly string[] {
  const last = lastProcessed(events);
  const stop = last?.type === 'session.status_idle' ? last.stop_reason : null;
  return stop?.type === 'requires_action' ? stop.event_ids : [];
}

export const shapes = {
  text: (teller, name) => teller.send(message(`text ${name}`)),
  tools: (teller, name) => teller.send(message(`tools ${name}`)),
  async custom(teller, name) {
    await teller.send(message(`custom ${name}`));
    const content = [{ type: 'text' as const, text: 'sunny' }];
    for (let ids = awaited(await teller.rest()); ids.length > 0; ids = awaited(await teller.rest())) {
      for (const id of ids)
        await teller.send({ type: 'user.custom_tool_result', custom_tool_use_id: id, content });
      // The answer may be taken before the session is seen to run.
      await teller.until(
        (event) => event.type === 'user.custom_tool_result' && ids.includes(event.custom_tool_use_id),
      );
    }
  },
  async interrupted(teller, name, outside) {
    const next = async () => {
      const goOn = await outside.hold(`effect ${name}`);
      goOn();
      return true;
    };
    let begun = next();
    await teller.send(message(`long ${name}`));
    // A server that died in the midst of it never runs it again: then there is nothing to interrupt.
    await Promise.race([begun, teller.rest()]);
    do {
      begun = next();
      await teller.send(interrupt);
      // A message that the client had to send again is there twice, and has a command of its own.
    } while (await Promise.race([begun, teller.rest().then(() => false)]));
  },
  queued: (teller, name) =>
    Promise.all(['text', 'tools', 'text'].map((kind, at) => teller.send(message(`${kind} ${name}-${at}`)))),
} satisfies Readonly<Record<string, Shape>>;

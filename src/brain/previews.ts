import type { NewId } from '../base/ids.ts';
import type { ModelDelta } from '../domain/model.ts';
import type { PreviewEvent } from '../protocol/events.ts';

/**
 * Turns the deltas of one reply into preview events, and keeps the ids it promised so that the
 * stored events carry them. One id per run of text blocks, as `recordReply` groups them.
 */
export type Previews = {
  readonly take: (delta: ModelDelta) => readonly PreviewEvent[];
  /** Promised event ids by index of the first content block of their event. */
  readonly promised: ReadonlyMap<number, string>;
};

export function createPreviews(newId: NewId): Previews {
  const promised = new Map<number, string>();
  let lastBlock: string | null = null;
  let run = { id: '', started: false, parts: 0, block: -1 };

  function startBlock(index: number, block: string): PreviewEvent[] {
    const continues = block === 'text' && lastBlock === 'text';
    lastBlock = block;
    if (continues) return [];
    if (block !== 'text' && block !== 'thinking' && block !== 'redacted_thinking') return [];
    const id = newId('sevt');
    promised.set(index, id);
    if (block === 'text') {
      run = { id, started: false, parts: 0, block: -1 };
      return [];
    }
    return [{ type: 'event_start', event: { type: 'agent.thinking', id } }];
  }

  function addText(index: number, text: string): PreviewEvent[] {
    if (text === '' || run.id === '') return [];
    const events: PreviewEvent[] = [];
    if (!run.started) events.push({ type: 'event_start', event: { type: 'agent.message', id: run.id } });
    // Empty blocks have no part in the stored message, so parts are counted, not block indexes.
    const parts = run.block === index ? run.parts : run.parts + 1;
    run = { id: run.id, started: true, parts, block: index };
    const delta = { type: 'content_delta', index: parts - 1, content: { type: 'text', text } } as const;
    events.push({ type: 'event_delta', event_id: run.id, delta });
    return events;
  }

  return {
    promised,
    take: (delta) =>
      delta.type === 'text' ? addText(delta.index, delta.text) : startBlock(delta.index, delta.block),
  };
}

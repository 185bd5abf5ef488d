import { closeCalls, interruptedText } from './calls.ts';
import type { Draft } from './draft.ts';
import { consume, emit } from './draft.ts';
import { endTurn } from './end-turn.ts';

/**
 * Ends the turn at once (spec/events.md, Interrupt): cut request closed, unfinished calls answered,
 * then the interrupts, then the idle events. Messages still queued start the next turn.
 * Nothing the turn started may still be alive when this is decided.
 */
export function endByInterrupt(draft: Draft): void {
  closeRequest(draft);
  closeCalls(draft, interruptedText);
  consumeInterrupts(draft);
  endTurn(draft, { type: 'end_turn' });
}

/** Answers received early, for calls that are now closed, are spent with them. */
function consumeInterrupts(draft: Draft): void {
  for (const event of draft.state().queue) {
    if (event.type === 'user.tool_confirmation' || event.type === 'user.interrupt') consume(draft, event.id);
  }
}

const noUsage = {
  input_tokens: 0,
  output_tokens: 0,
  cache_read_input_tokens: 0,
  cache_creation_input_tokens: 0,
};

/** A request that got no reply: its span ends as an error, nothing it said is kept. */
export function closeRequest(draft: Draft): void {
  const { openRequest } = draft.state().round;
  if (openRequest === null) return;
  emit(draft, {
    type: 'span.model_request_end',
    model_request_start_id: openRequest,
    is_error: true,
    model_usage: noUsage,
  });
}

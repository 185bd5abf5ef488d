import type { ResultBlock } from '../../protocol/content.ts';
import type { Draft } from './draft.ts';
import { emit } from './draft.ts';
import type { Call } from './state.ts';
import { isForWorker } from './state.ts';

export const interruptedText = 'Tool execution was interrupted before completion. Please retry.';
export const unknownOutcomeText =
  'The server stopped while this tool was running, so its outcome is unknown. It may or may not have taken effect: check before you retry.';

export const workerGoneText =
  'The worker that had this tool stopped, so the outcome is unknown. It may or may not have taken effect: check before you retry.';

export type CallResult = { readonly content: readonly ResultBlock[]; readonly isError: boolean };

export function errorResult(text: string): CallResult {
  return { content: [{ type: 'text', text }], isError: true };
}

/**
 * The result event of a call. A custom call that nobody answered has no result event of its own on the
 * wire, so its synthesised result is an `agent.tool_result` as well: the log answers every tool use.
 */
export function emitResult(draft: Draft, call: Call, result: CallResult): void {
  const content = [...result.content];
  if (call.kind === 'mcp') {
    emit(draft, {
      type: 'agent.mcp_tool_result',
      mcp_tool_use_id: call.eventId,
      content,
      is_error: result.isError,
    });
    return;
  }
  // Workers take a call for answered by the event that they would send themselves, and run what has none.
  const isWorkers =
    call.status === 'assigned' || (call.status === 'waiting' && isForWorker(draft.state(), call));
  const type = isWorkers ? 'user.tool_result' : 'agent.tool_result';
  emit(draft, { type, tool_use_id: call.eventId, content, is_error: result.isError });
}

/** Closes every unanswered call of the round with an error result, in call order. */
export function closeCalls(draft: Draft, text: string): void {
  for (const call of draft.state().round.calls) {
    if (call.status !== 'done') emitResult(draft, call, errorResult(text));
  }
}

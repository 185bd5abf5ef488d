import { isReadOnlyTool } from '../tools/builtin.ts';
import { workerGoneText } from './calls.ts';
import { acceptEvents } from './decide.ts';
import type { Draft } from './draft.ts';

/**
 * A worker let its lease end in the midst of its work. What it may have begun is never run again: each call without a
 * result gets one that says so. Calls that only read wait for the next worker.
 */
export function abandonCalls(draft: Draft): void {
  const open = draft
    .state()
    .round.calls.filter(({ status, name }) => status === 'assigned' && !isReadOnlyTool(name));
  if (open.length === 0) return;
  const results = open.map(({ eventId }) => ({
    type: 'user.tool_result' as const,
    tool_use_id: eventId,
    content: [{ type: 'text' as const, text: workerGoneText }],
    is_error: true,
  }));
  // As the worker would have sent them: other workers take the calls for answered.
  acceptEvents(draft, results, { isWorker: true });
}

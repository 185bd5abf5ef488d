import { unknownOutcomeText } from './calls.ts';
import type { LogRecord } from './entry.ts';

/**
 * Whether a step of a turn came to its end, so that what went wrong before does not go wrong again and again: a tool
 * ran and was answered. A request that is opened, a reply, and the answer for a tool that died with its brain are
 * what every brain appends before it meets the same trouble. (That a session came to rest shows in its state.)
 */
export function getsAnywhere(records: readonly LogRecord[]): boolean {
  return records.some(({ entry }) => {
    if (entry.kind !== 'emitted' || entry.byProvider) return false;
    const { event } = entry;
    if (event.type !== 'agent.tool_result' && event.type !== 'agent.mcp_tool_result') return false;
    const [first] = event.content ?? [];
    return !(first?.type === 'text' && first.text === unknownOutcomeText);
  });
}

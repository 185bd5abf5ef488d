import type Anthropic from '@anthropic-ai/sdk';
import type { StreamedEvent } from './server-sessions.ts';
import { say } from './server-sessions.ts';

/** The texts of the results of built-in tools. */
export function resultsIn(events: readonly StreamedEvent[]): string[] {
  return events.flatMap((event) =>
    event.type === 'agent.tool_result'
      ? (event.content ?? []).map((block) => ('text' in block ? block.text : ''))
      : [],
  );
}

/** One turn with one command, and what it printed. */
export async function runIn(client: Anthropic, sessionId: string, command: string): Promise<string> {
  return resultsIn(await say(client, sessionId, `run: ${command}`)).join('\n');
}

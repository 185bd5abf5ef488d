import type { Clock } from '../base/clock.ts';
import { telemetryOpenMax } from '../domain/limits.ts';
import type { ReplyRecord } from '../domain/session/entry.ts';
import type { Commit } from '../domain/session/session-log.ts';
import type { Call } from '../domain/session/state.ts';
import type { Instruments } from './instruments.ts';
import { createOpen } from './open.ts';
import { sightingsOf, toolLabel } from './sightings.ts';

type Begun = { readonly atUs: number; readonly call?: Call };

/** Counts and times what sessions do, from their commits. */
export function countSessions(instruments: Instruments, clock: Clock): (commit: Commit) => void {
  const open = createOpen<Begun>(telemetryOpenMax);
  const sinceSeconds = ({ atUs }: Begun) => Math.max(0, clock.nowUs() - atUs) / 1e6;
  return (commit) => {
    const model = commit.state.agent.model.id;
    for (const sighting of sightingsOf(commit)) {
      switch (sighting.type) {
        case 'created':
          instruments.sessionsCreated(1);
          break;
        case 'failed':
          instruments.sessionErrors(1, { 'error.type': sighting.error });
          break;
        case 'turn_started':
          open.put(commit.sessionId, { atUs: clock.nowUs() });
          break;
        case 'turn_ended': {
          const begun = open.take(commit.sessionId);
          if (begun) instruments.turnDuration(sinceSeconds(begun), { stop_reason: sighting.reason });
          break;
        }
        case 'request_started':
          open.put(sighting.id, { atUs: clock.nowUs() });
          break;
        case 'request_ended': {
          const begun = open.take(sighting.id);
          const labels = labelsOf(model, sighting.reply);
          if (begun) instruments.requestDuration(sinceSeconds(begun), labels);
          if (sighting.reply) countReply(instruments, sighting.reply, labels);
          break;
        }
        case 'call_started':
          open.put(sighting.id, { atUs: clock.nowUs(), call: sighting.call });
          break;
        case 'call_ended': {
          const begun = open.take(sighting.id);
          if (!begun?.call) break;
          const tool = { 'gen_ai.tool.name': toolLabel(begun.call), is_error: sighting.isError };
          instruments.toolDuration(sinceSeconds(begun), tool);
        }
      }
    }
  };
}

function labelsOf(model: string, reply: ReplyRecord | null) {
  return {
    'gen_ai.operation.name': 'chat',
    'gen_ai.request.model': model,
    ...(reply ? { 'gen_ai.response.model': reply.servedBy } : { 'error.type': 'no_reply' }),
  };
}

function countReply(
  instruments: Instruments,
  { usage, costMicroCents }: ReplyRecord,
  labels: ReturnType<typeof labelsOf>,
): void {
  const cacheCreation = usage.cacheCreation5mInputTokens + usage.cacheCreation1hInputTokens;
  const input = usage.inputTokens + usage.cacheReadInputTokens + cacheCreation;
  instruments.requestTokens(input, { ...labels, 'gen_ai.token.type': 'input' });
  instruments.requestTokens(usage.outputTokens, { ...labels, 'gen_ai.token.type': 'output' });
  if (costMicroCents !== null) instruments.requestCost(costMicroCents / 1e8, labels);
}

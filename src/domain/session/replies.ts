import { chainToArray } from '../../base/chain.ts';
import type { SessionErrorObject } from '../../protocol/session-errors.ts';
import { compactionsMax, modelAttemptsMax } from '../limits.ts';
import type { McpTool } from '../mcp.ts';
import type { ModelFailure, ModelReply, WireBlock } from '../model.ts';
import { isProviderResult, providerCallOf } from '../tools/provider-tools.ts';
import type { Judgement } from '../tools/route-call.ts';
import { malformedUseOf, toolUseOf } from '../tools/route-call.ts';
import type { Step } from './advance.ts';
import { compactionsError, exhaust } from './advance.ts';
import { closeCalls, interruptedText } from './calls.ts';
import type { Draft } from './draft.ts';
import { emit, emitProviderCall } from './draft.ts';
import { endTurn } from './end-turn.ts';
import type { CallRecord } from './entry.ts';
import { closeRequest } from './interrupt.ts';
import { hasQueued } from './state.ts';
import { emitError, emitRescheduled } from './status.ts';

export type RecordedReply = {
  readonly requestId: string;
  readonly reply: ModelReply;
  /** Event ids already promised to previews, by content block index. */
  readonly previewed: ReadonlyMap<number, string>;
  readonly costMicroCents: number | null;
  /** What the agent's MCP servers offered the model; absent: nothing. */
  readonly mcpTools?: readonly McpTool[];
  /** Of calls whose policy is `auto`, by the model's tool use id. */
  readonly judgements?: ReadonlyMap<string, Judgement>;
};

/**
 * A reply becomes events in the order of its blocks: thinking, messages (one per run of text blocks), tool uses,
 * calls of the provider's own tools with their results, then the end of the span. Returns `rest` when the reply itself ended the turn (a refusal) and
 * nothing that came meanwhile begins the next.
 */
export function recordReply(
  draft: Draft,
  { requestId, reply, previewed, costMicroCents, mcpTools = [], judgements }: RecordedReply,
): Step | null {
  const calls: CallRecord[] = [];
  let index = 0;
  while (index < reply.content.length) {
    const run = textRun(reply.content, index);
    if (run.length > 0) {
      emitMessage(draft, run, previewed.get(index));
      index += run.length;
      continue;
    }
    const block = reply.content[index];
    if (block?.type === 'thinking' || block?.type === 'redacted_thinking') {
      emit(draft, { type: 'agent.thinking' }, previewed.get(index));
    }
    // A refused reply runs nothing: its calls would have no reply to belong to.
    if (block?.type === 'tool_use' && reply.stopReason !== 'refusal')
      calls.push(emitToolUse(draft, block, { malformed: reply.malformed, mcpTools, judgements }));
    if (block && isProviderResult(block)) emitProviderResult(draft, block, reply);
    index += 1;
  }
  emitSpanEnd(draft, requestId, reply);
  draft.append({
    kind: 'replied',
    reply: {
      requestId,
      content: reply.content,
      calls,
      usage: reply.usage,
      servedBy: reply.servedBy,
      stopReason: reply.stopReason,
      costMicroCents,
    },
  });
  if (reply.stopReason !== 'refusal' || hasQueued(draft.state(), 'user.interrupt')) return null;
  endTurn(draft, { type: 'refusal' }, refusalDetails(reply));
  if (draft.state().status === 'running') return null;
  return { type: 'rest' };
}

/** Its call may stand in the replies before, which paused there. */
function emitProviderResult(draft: Draft, block: WireBlock, reply: ModelReply): void {
  const earlier = chainToArray(draft.state().conversation).flatMap((item) =>
    item.type === 'assistant' ? item.content : [],
  );
  const call = providerCallOf(block, [...reply.content, ...earlier.toReversed()]);
  if (call === null) return;
  const { name, input, result } = call;
  const allowed = { evaluated_permission: 'allow', evaluation: { type: 'always_allow' } } as const;
  emitProviderCall(draft, { type: 'agent.tool_use', name, input, ...allowed }, result);
}

function textRun(content: readonly WireBlock[], from: number): readonly WireBlock[] {
  let end = from;
  while (content[end]?.type === 'text') end += 1;
  return content.slice(from, end);
}

function emitMessage(draft: Draft, run: readonly WireBlock[], id: string | undefined): void {
  const content = run
    .map((block) => ({ type: 'text' as const, text: String(block['text'] ?? '') }))
    .filter((block) => block.text !== '');
  if (content.length > 0) emit(draft, { type: 'agent.message', content }, id);
}

type ToolUses = Required<Pick<RecordedReply, 'mcpTools'>> & {
  readonly malformed: readonly string[];
  readonly judgements: RecordedReply['judgements'];
};

function emitToolUse(
  draft: Draft,
  block: WireBlock,
  { malformed, mcpTools, judgements }: ToolUses,
): CallRecord {
  const modelToolUseId = String(block['id']);
  const callable = { agent: draft.state().agent, mcpTools };
  if (malformed.includes(modelToolUseId))
    return { eventId: emit(draft, malformedUseOf(callable, block)), modelToolUseId, malformed: true };
  const use = toolUseOf(callable, block, judgements?.get(modelToolUseId));
  return { eventId: emit(draft, use), modelToolUseId };
}

function emitSpanEnd(draft: Draft, requestId: string, { usage }: ModelReply): void {
  emit(draft, {
    type: 'span.model_request_end',
    model_request_start_id: requestId,
    is_error: false,
    model_usage: {
      input_tokens: usage.inputTokens,
      output_tokens: usage.outputTokens,
      cache_read_input_tokens: usage.cacheReadInputTokens,
      cache_creation_input_tokens: usage.cacheCreation5mInputTokens + usage.cacheCreation1hInputTokens,
      ...(usage.speed === null ? {} : { speed: usage.speed }),
    },
  });
}

const refusalCategories = ['cyber', 'bio', 'frontier_llm', 'reasoning_extraction', 'general_harms'] as const;

function refusalDetails({ refusal }: ModelReply) {
  return {
    type: 'refusal' as const,
    category: refusalCategories.find((known) => known === refusal?.category) ?? null,
    explanation: refusal?.explanation ?? null,
  };
}

/**
 * A failed request: retried later with the session rescheduled, or the end of the turn. `null`: the turn
 * goes on, with a summary of a conversation that was too long, or to the interrupt that came meanwhile.
 */
export function recordFailure(draft: Draft, failure: ModelFailure, delayMs: number): Step | null {
  const isSummary = draft.state().round.openRequest === null;
  closeRequest(draft);
  // What was asked for is no longer wanted.
  if (hasQueued(draft.state(), 'user.interrupt')) return null;
  if (failure.kind === 'context_overflow') {
    // A request for a summary that is too long itself would be so every time.
    if (isSummary || draft.state().round.compactions >= compactionsMax)
      return exhaust(draft, compactionsError(failure.message));
    draft.append({ kind: 'overflowed' });
    return null;
  }
  const attempts = draft.state().round.attempts + 1;
  if (!failure.retryable || attempts >= modelAttemptsMax)
    return exhaust(draft, errorOf(failure.kind, failure.message, 'exhausted'));
  emitError(draft, errorOf(failure.kind, failure.message, 'retrying'));
  draft.append({ kind: 'delayed', untilUs: draft.nowUs + Math.round(delayMs * 1000) });
  emitRescheduled(draft);
  return { type: 'rest' };
}

const errorTypes = {
  overloaded: 'model_overloaded_error',
  rate_limited: 'model_rate_limited_error',
  request_failed: 'model_request_failed_error',
  billing: 'billing_error',
} as const;

function errorOf(
  kind: keyof typeof errorTypes,
  message: string,
  retry: 'retrying' | 'exhausted',
): SessionErrorObject {
  return { type: errorTypes[kind], message, retry_status: { type: retry } };
}

/** A bug in Anthill must not leave a session running for ever: the turn ends and says so. */
export function recordBreakdown(draft: Draft, message: string): Step {
  closeRequest(draft);
  closeCalls(draft, interruptedText);
  return exhaust(draft, { type: 'unknown_error', message, retry_status: { type: 'exhausted' } });
}

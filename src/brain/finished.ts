import { backoffMs } from '../base/backoff.ts';
import type { ToolOutcome } from '../domain/hands.ts';
import { modelRetryBackoff } from '../domain/limits.ts';
import type { McpTool } from '../domain/mcp.ts';
import type { ModelFailure, ModelReply } from '../domain/model.ts';
import type { Step } from '../domain/session/advance.ts';
import { emitResult } from '../domain/session/calls.ts';
import { recordCompaction, summaryIn } from '../domain/session/compaction.ts';
import type { Draft } from '../domain/session/draft.ts';
import { recordFailure, recordReply } from '../domain/session/replies.ts';
import type { Call } from '../domain/session/state.ts';
import { emitError } from '../domain/session/status.ts';
import type { ModelConfig } from '../protocol/agents.ts';
import type { Judgements } from './judge.ts';

/** Something a running turn waited for. */
export type Finished =
  | {
      readonly type: 'reply';
      readonly requestId: string;
      readonly reply: ModelReply;
      readonly mcpTools: readonly McpTool[];
      readonly previewed: ReadonlyMap<number, string>;
      readonly judged: Judgements;
    }
  | { readonly type: 'failure'; readonly failure: ModelFailure }
  | { readonly type: 'summary'; readonly items: number; readonly reply: ModelReply }
  /** The request was aborted: no reply will come. */
  | { readonly type: 'cut' }
  /** `cut`: the call was aborted, its outcome says nothing. */
  | { readonly type: 'result'; readonly call: Call; readonly outcome: ToolOutcome; readonly cut: boolean }
  /** The MCP servers of the agent are connected, or known to be out of reach. */
  | { readonly type: 'connected' }
  /** The log grew by a client's hand. */
  | { readonly type: 'notice' };

const noSummary: Finished = {
  type: 'failure',
  failure: {
    type: 'failure',
    kind: 'request_failed',
    message: 'the model wrote no summary of the conversation',
    retryable: true,
    retryAfterMs: null,
  },
};

export type ReplyPricing = {
  /** In [0, 1): jitter of retry delays. */
  readonly random: () => number;
  /** List cost of a reply in integer micro-cents; `null` when its model has no list price. */
  readonly costOf: (reply: ModelReply, model: ModelConfig) => number | null;
};

/** What has finished becomes entries; a step is returned when that alone ended the turn. */
export function recordFinished(draft: Draft, finished: Finished, pricing: ReplyPricing): Step | null {
  const { random, costOf } = pricing;
  switch (finished.type) {
    case 'reply': {
      const { requestId, reply, mcpTools, previewed, judged } = finished;
      const cost = costOf(reply, draft.state().agent.model);
      const costMicroCents = cost === null ? null : cost + judged.costMicroCents;
      return recordReply(draft, {
        requestId,
        reply,
        mcpTools,
        previewed,
        costMicroCents,
        judgements: judged.judgements,
      });
    }
    case 'summary': {
      const { items, reply } = finished;
      if (summaryIn(reply) === '') return recordFinished(draft, noSummary, pricing);
      recordCompaction(draft, { items, reply, costMicroCents: costOf(reply, draft.state().agent.model) });
      return null;
    }
    case 'failure': {
      const { failure } = finished;
      const attempt = draft.state().round.attempts + 1;
      const delayMs = failure.retryAfterMs ?? backoffMs(attempt, modelRetryBackoff, random());
      return recordFailure(draft, failure, delayMs);
    }
    case 'result':
      for (const error of finished.outcome.errors ?? []) emitError(draft, error);
      if (!finished.cut) emitResult(draft, finished.call, finished.outcome);
      return null;
    case 'cut':
    case 'connected':
    case 'notice':
      return null;
  }
}

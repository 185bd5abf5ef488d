import type { Clock } from '../base/clock.ts';
import { judgeMsMax } from '../domain/limits.ts';
import type { McpTool } from '../domain/mcp.ts';
import type { Model, ModelReply, WireBlock } from '../domain/model.ts';
import type { SessionState } from '../domain/session/state.ts';
import { judgementOf, judgeRequest } from '../domain/tools/judge-request.ts';
import type { Judgement } from '../domain/tools/route-call.ts';
import { indeterminate, wantsJudgement } from '../domain/tools/route-call.ts';
import type { ModelConfig } from '../protocol/agents.ts';

export type JudgeDeps = {
  readonly model: Model;
  /** Who judges the calls of an agent with this model; `null`: nobody. */
  readonly judgeOf: (model: ModelConfig) => ModelConfig | null;
  /** List cost in integer micro-cents; `null` when the judge has no list price. */
  readonly costOf: (reply: ModelReply, model: ModelConfig) => number | null;
  readonly clock: Clock;
};

/** Clouds and gateways that serve the small Claude model, which judges fast. */
const servesHaiku: readonly string[] = ['anthropic', 'bedrock', 'vertex', 'foundry'];

/** The configured judge; else a small model of the same provider, or the agent's own. Nobody for scripts. */
export function judgeChoice(configured: string | null, profile: string | null): JudgeDeps['judgeOf'] {
  return (model) => {
    if (configured !== null) return { id: configured };
    if (model.id.startsWith('scripted/')) return null;
    return profile !== null && servesHaiku.includes(profile) ? { id: 'claude-haiku-5-5' } : { id: model.id };
  };
}

/** By the model's tool use id, and what reaching them cost at list price; a judge without one is free. */
export type Judgements = {
  readonly judgements: ReadonlyMap<string, Judgement>;
  readonly costMicroCents: number;
};

type Judged = {
  readonly state: SessionState;
  readonly mcpTools: readonly McpTool[];
  readonly reply: ModelReply;
};

export const noJudgements: Judgements = { judgements: new Map(), costMicroCents: 0 };

/**
 * Judges the calls of a reply whose policy is `auto`, all at once and in bounded time; without a judgement
 * the client is asked. Rejects with the signal's reason after an abort.
 */
export async function judgeCalls(
  deps: JudgeDeps,
  { state, mcpTools, reply }: Judged,
  signal: AbortSignal,
): Promise<Judgements> {
  const callable = { agent: state.agent, mcpTools };
  const calls = reply.content.filter(
    (block) =>
      block.type === 'tool_use' &&
      !reply.malformed.includes(String(block['id'])) &&
      wantsJudgement(callable, block),
  );
  const judge = calls.length === 0 ? null : deps.judgeOf(state.agent.model);
  if (judge === null) return noJudgements;
  const judged = await Promise.all(calls.map((block) => judgeCall(deps, { state, block, judge, signal })));
  return {
    judgements: new Map(judged.map(({ id, judgement }) => [id, judgement])),
    costMicroCents: judged.reduce((sum, { costMicroCents }) => sum + costMicroCents, 0),
  };
}

type Case = {
  readonly state: SessionState;
  readonly block: WireBlock;
  readonly judge: ModelConfig;
  readonly signal: AbortSignal;
};

async function judgeCall({ model, costOf, clock }: JudgeDeps, { state, block, judge, signal }: Case) {
  const id = String(block['id']);
  const over = new AbortController();
  const limit = AbortSignal.any([signal, over.signal]);
  const answer = model.request(judgeRequest(state, block, judge), () => {}, limit).catch(() => null);
  // Whichever comes first ends the other; neither leaves a timer or a request behind.
  const outcome = await Promise.race([answer, clock.sleep(judgeMsMax, limit).then(none, none)]);
  over.abort();
  signal.throwIfAborted();
  if (outcome?.type === 'reply')
    return { id, judgement: judgementOf(outcome), costMicroCents: costOf(outcome, judge) ?? 0 };
  const isUnpaid = outcome?.type === 'failure' && outcome.kind === 'billing';
  const judgement: Judgement = isUnpaid ? { type: 'deny', reason_code: 'indeterminate' } : indeterminate;
  return { id, judgement, costMicroCents: 0 };
}

const none = () => null;

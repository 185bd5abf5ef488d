import type { Chain } from '../../base/chain.ts';
import type { EventId, SessionId, ThreadId } from '../../base/ids.ts';
import type { ResultBlock, UserBlock } from '../../protocol/content.ts';
import type { SessionEvent } from '../../protocol/events.ts';
import type { SessionErrorObject, StopReason } from '../../protocol/session-errors.ts';
import type { SessionResource } from '../../protocol/session-resources.ts';
import type { SessionAgent, SessionBudget } from '../../protocol/sessions.ts';
import type { WireBlock } from '../model.ts';
import { isServerTool } from '../tools/builtin.ts';

/**
 * The fold of a session's log: everything the rules need, nothing else. Immutable.
 *
 *            accepted message                 turn ends
 *     idle ───────────────────▶ running ──────────────────▶ idle
 *                                 │  ▲ retry
 *                        failure  ▼  │
 *                              rescheduling             any ──archive──▶ terminated
 */
export type SessionState = {
  readonly id: SessionId;
  /** Position of the last record folded in. */
  readonly seq: number;
  readonly threadId: ThreadId;
  readonly environmentId: string;
  /** Workers of the environment run the sandbox tools, not this server (spec/self-hosted-work.md). */
  readonly selfHosted: boolean;
  /** Vaults whose credentials the session may use, the first that has one wins. They may be gone by now. */
  readonly vaultIds: readonly string[];
  /** In the order in which they were attached. */
  readonly resources: readonly SessionResource[];
  readonly deploymentId: string | null;
  /** Told with the first turn. */
  readonly startErrors: readonly SessionErrorObject[];
  readonly agent: SessionAgent;
  readonly agentId: string;
  readonly agentVersion: number;
  readonly title: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly budget: SessionBudget | null;
  readonly createdAtUs: number;
  readonly updatedAtUs: number;
  readonly archivedAtUs: number | null;
  readonly status: SessionStatus;
  readonly threadStatus: SessionStatus;
  readonly stopReason: StopReason | null;
  /** Newest `processed_at` stamped so far: stamps only ever grow. */
  readonly lastAtUs: number;
  /** Client events accepted and not yet consumed, in order of arrival. */
  readonly queue: readonly SessionEvent[];
  readonly round: Round;
  readonly usage: UsageTotals;
  readonly activity: Activity;
  /** When a brain should look at the session, microseconds; `null`: nothing to do until a client acts. */
  readonly wakeAtUs: number | null;
  readonly conversation: Chain<ConversationItem>;
  /** Of the model's window, taken by a request with this conversation: counted at the last reply, estimated since. */
  readonly contextTokens: number;
};

export type SessionStatus = 'idle' | 'running' | 'rescheduling' | 'terminated';

/** Where the present turn stands. */
export type Round = {
  /** A `span.model_request_start` without its end. */
  readonly openRequest: EventId | null;
  /** Tool calls of the last reply, in call order; empty once the next request has begun. */
  readonly calls: readonly Call[];
  /** The model has not yet answered something in the conversation. */
  readonly owesReply: boolean;
  /** Replies of this turn that asked for tools or paused: each leads to another request. */
  readonly toolRounds: number;
  /** Failed attempts in a row at the present request. */
  readonly attempts: number;
  readonly retryAtUs: number | null;
  /** Summaries in a row for the present request. */
  readonly compactions: number;
};

/**
 * waiting: a client must answer · assigned: a worker must run it · ready: may run · denied: owes the model an
 * error result · started: its side effect may have happened · done: the model's result is in the conversation.
 */
export type CallStatus = 'waiting' | 'assigned' | 'ready' | 'denied' | 'started' | 'done';

export type Call = {
  readonly eventId: EventId;
  readonly modelToolUseId: string;
  readonly kind: 'builtin' | 'mcp' | 'custom';
  /** The MCP server that has the tool. */
  readonly server: string | null;
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly status: CallStatus;
  /** What the error result of a denied call says. */
  readonly denial: string | null;
};

export type ConversationItem =
  | { readonly type: 'user'; readonly content: readonly UserBlock[] }
  | { readonly type: 'system'; readonly content: readonly { readonly type: 'text'; readonly text: string }[] }
  | { readonly type: 'assistant'; readonly content: readonly WireBlock[]; readonly model: string }
  | {
      readonly type: 'result';
      readonly modelToolUseId: string;
      readonly content: readonly ResultBlock[];
      readonly isError: boolean;
      /** Its content is no longer shown to the model. */
      readonly isCleared?: true;
    }
  /** What the conversation before was about, and what the user said last in it, word by word. */
  | { readonly type: 'summary'; readonly text: string; readonly said: readonly string[] };

export type UsageTotals = {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadInputTokens: number;
  readonly cacheCreation5mInputTokens: number;
  readonly cacheCreation1hInputTokens: number;
  /** That found something or nothing, not those that failed. Absent in what was kept from before there were any. */
  readonly webSearches?: number;
  /** Tokens and searches at list price, integer micro-cents, without the runtime cost. */
  readonly costMicroCents: number;
  /** A model without a list price served a request: a budget can no longer measure this session. */
  readonly unpriced: boolean;
};

export type Activity = {
  /** Closed running periods, microseconds. */
  readonly activeUs: number;
  readonly runningSinceUs: number | null;
  readonly firstRunningAtUs: number | null;
  readonly terminatedAtUs: number | null;
};

/**
 * The calls a client or a worker must still answer, in call order. A confirmation received early is an answer,
 * but not to what a worker then has to run.
 */
export function waitingCalls(state: SessionState): readonly Call[] {
  return state.round.calls.filter(
    (call) =>
      call.status === 'assigned' ||
      (call.status === 'waiting' && (!earlyAnswer(state, call) || isForWorker(state, call))),
  );
}

/** Whether a call runs in a sandbox that a worker has. */
export function isForWorker(
  { selfHosted }: SessionState,
  { kind, name }: Pick<Call, 'kind' | 'name'>,
): boolean {
  return selfHosted && kind === 'builtin' && !isServerTool(name);
}

/** A confirmation that waits for earlier calls to be settled first. */
export function earlyAnswer(state: SessionState, call: Call): SessionEvent | undefined {
  return state.queue.find(
    (event) => event.type === 'user.tool_confirmation' && event.tool_use_id === call.eventId,
  );
}

export function hasQueued(state: SessionState, type: SessionEvent['type']): boolean {
  return state.queue.some((event) => event.type === type);
}

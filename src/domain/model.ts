import type { ModelConfig } from '../protocol/agents.ts';

/** A content block of the Messages API, kept as the provider sent it: thinking signatures must survive byte-exact. */
export type WireBlock = Readonly<Record<string, unknown>> & { readonly type: string };
export type WireMessage = {
  readonly role: 'user' | 'assistant' | 'system';
  readonly content: readonly WireBlock[];
};
export type WireTool = Readonly<Record<string, unknown>> & { readonly name: string };

export type ModelRequest = {
  readonly model: ModelConfig;
  /** Empty string: no system prompt. */
  readonly system: string;
  readonly messages: readonly WireMessage[];
  readonly tools: readonly WireTool[];
};

export type ModelUsage = {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadInputTokens: number;
  readonly cacheCreation5mInputTokens: number;
  readonly cacheCreation1hInputTokens: number;
  /** That the provider made for the model; absent: none. */
  readonly webSearches?: number;
  readonly speed: 'standard' | 'fast' | null;
};

export type ModelReply = {
  readonly type: 'reply';
  readonly content: readonly WireBlock[];
  /** As the Messages API names them: `end_turn`, `tool_use`, `max_tokens`, `refusal`, `pause_turn`, … */
  readonly stopReason: string;
  readonly refusal: { readonly category: string | null; readonly explanation: string | null } | null;
  readonly usage: ModelUsage;
  /** The model that served the request, for pricing. */
  readonly servedBy: string;
  /** Ids of `tool_use` blocks whose input was not valid JSON; their `input` is `{}`. */
  readonly malformed: readonly string[];
};

/** A failed request is data: the log shows it and the session goes on. */
export type ModelFailure = {
  readonly type: 'failure';
  readonly kind: 'overloaded' | 'rate_limited' | 'request_failed' | 'billing' | 'context_overflow';
  readonly message: string;
  /** May another attempt succeed? */
  readonly retryable: boolean;
  /** The provider's `retry-after`, milliseconds; `null` when it gave none. */
  readonly retryAfterMs: number | null;
};

/** What arrives while a reply is produced; best effort, for previews and preparations only. */
export type ModelDelta =
  | {
      readonly type: 'block_start';
      readonly index: number;
      readonly block: string;
      /** The name in a `tool_use` block. */
      readonly tool?: string;
    }
  | { readonly type: 'text'; readonly index: number; readonly text: string };

/**
 * Any model behind the Messages API.
 * Contract: resolves with a reply or a failure; rejects only with the signal's reason after an abort.
 */
export interface Model {
  request(
    request: ModelRequest,
    onDelta: (delta: ModelDelta) => void,
    signal: AbortSignal,
  ): Promise<ModelReply | ModelFailure>;
}

/** What a scripted model answers: parts in order, and how the answer travels. */
export type Part =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'thinking'; readonly text: string }
  | { readonly type: 'tool_use'; readonly name: string; readonly input: unknown }
  /** Tool input that is not JSON, as a model cut short might send it. */
  | { readonly type: 'malformed_tool_use'; readonly name: string; readonly inputText: string };

export type ScriptedReply = {
  readonly parts: readonly Part[];
  readonly stopReason?: string;
  readonly stopDetails?: Readonly<Record<string, unknown>>;
  readonly usage?: Readonly<Record<string, number>>;
  /** Before the first byte. */
  readonly delayMs?: number;
  readonly chunkDelayMs?: number;
  /** The connection ends after this many stream events. */
  readonly cutAfterEvents?: number;
};

export type ScriptedFailure = {
  readonly status: number;
  readonly type: string;
  readonly message: string;
  readonly retryAfterSeconds?: number;
  readonly delayMs?: number;
};

export type Scripted = { readonly reply: ScriptedReply } | { readonly failure: ScriptedFailure };

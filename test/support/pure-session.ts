import { resolveTools } from '../../src/domain/agent-tools.ts';
import type { ModelFailure, ModelReply, ModelUsage, WireBlock } from '../../src/domain/model.ts';
import type { Step, TurnInput } from '../../src/domain/session/advance.ts';
import { advance } from '../../src/domain/session/advance.ts';
import type { CallResult } from '../../src/domain/session/calls.ts';
import { emitResult } from '../../src/domain/session/calls.ts';
import { recordCompaction } from '../../src/domain/session/compaction.ts';
import { acceptEvents } from '../../src/domain/session/decide.ts';
import type { Draft } from '../../src/domain/session/draft.ts';
import { draftOf } from '../../src/domain/session/draft.ts';
import type { Entry, SessionBirth } from '../../src/domain/session/entry.ts';
import { evolve } from '../../src/domain/session/evolve.ts';
import { recordFailure, recordReply } from '../../src/domain/session/replies.ts';
import type { SessionState } from '../../src/domain/session/state.ts';
import type { AgentToolParams } from '../../src/protocol/agent-tools.ts';
import type { EventParams } from '../../src/protocol/event-params.ts';
import type { SessionEvent } from '../../src/protocol/events.ts';

/** A session without a store: the log is an array, time and ids count up. */
export type PureSession = {
  state(): SessionState;
  entries: Entry[];
  /** Events as a stream would deliver them. */
  events(): SessionEvent[];
  types(): string[];
  decide<T>(rule: (draft: Draft) => T): T;
  send(...events: EventParams[]): SessionEvent[];
  advance(input?: Partial<TurnInput>): Step;
  reply(...blocks: WireBlock[]): Step | null;
  fail(failure: { retryable: boolean; kind?: ModelFailure['kind'] }): Step | null;
  /** The model's summary of a `compact` step. */
  compact(items: number, summary: string): void;
  result(eventId: string, result?: CallResult): void;
};

export const usage: ModelUsage = {
  inputTokens: 10,
  outputTokens: 5,
  cacheReadInputTokens: 0,
  cacheCreation5mInputTokens: 0,
  cacheCreation1hInputTokens: 0,
  speed: null,
};

export const message = (text: string): EventParams => ({
  type: 'user.message',
  content: [{ type: 'text', text }],
});
export const text = (words: string): WireBlock => ({ type: 'text', text: words });
export const toolUse = (id: string, name: string, input: object = {}): WireBlock => ({
  type: 'tool_use',
  id,
  name,
  input,
});

export const customTool: AgentToolParams = {
  type: 'custom',
  name: 'weather',
  description: 'The weather',
  input_schema: { type: 'object' },
};

function replyOf(blocks: readonly WireBlock[]): ModelReply {
  return {
    type: 'reply',
    content: blocks,
    stopReason: blocks.some((block) => block.type === 'tool_use') ? 'tool_use' : 'end_turn',
    refusal: null,
    usage,
    servedBy: 'scripted/test',
    malformed: [],
  };
}

const window = { contextTokensMax: 200_000, clearsResults: false };

export function pureSession(
  tools: AgentToolParams[] = [{ type: 'agent_toolset_20260401' }],
  birth: Partial<SessionBirth> = {},
): PureSession {
  let ids = 0;
  let nowUs = 1_790_000_000_000_000;
  const newId = (prefix: string) => `${prefix}_${String(++ids).padStart(4, '0')}`;
  const created: Entry = {
    kind: 'created',
    session: {
      id: 'sesn_1',
      threadId: 'sthr_1',
      environmentId: 'env_1',
      agent: {
        id: 'agent_1',
        type: 'agent',
        version: 1,
        name: 'Tester',
        model: { id: 'scripted/test' },
        description: null,
        system: null,
        tools: resolveTools(tools),
        mcp_servers: [],
        skills: [],
        execution_identity: { type: 'service_account' },
        multiagent: null,
      },
      title: null,
      metadata: {},
      budget: null,
      createdAtUs: nowUs,
      ...birth,
    },
  };
  const entries: Entry[] = [created];
  let state = evolve(null, { seq: 1, entry: created });

  function decide<T>(rule: (draft: Draft) => T): T {
    nowUs += 1000;
    const draft = draftOf(state, { nowUs, newId });
    const result = rule(draft);
    entries.push(...draft.entries());
    state = draft.state();
    return result;
  }

  const session: PureSession = {
    state: () => state,
    entries,
    decide,
    events() {
      const queued = new Map<string, SessionEvent>();
      return entries.flatMap((entry): SessionEvent[] => {
        if (entry.kind === 'emitted') return [entry.event];
        if (entry.kind === 'accepted' && entry.event.processed_at != null) return [entry.event];
        if (entry.kind === 'accepted') queued.set(entry.event.id, entry.event);
        const event = entry.kind === 'consumed' ? queued.get(entry.eventId) : undefined;
        return event && entry.kind === 'consumed'
          ? [{ ...event, processed_at: entry.processedAt } as SessionEvent]
          : [];
      });
    },
    types: () => session.events().map((event) => event.type),
    send: (...events) => decide((draft) => acceptEvents(draft, events)),
    advance: (input) =>
      decide((draft) =>
        advance(draft, { inFlight: { request: null, calls: new Set() }, startErrors: [], window, ...input }),
      ),
    reply(...blocks) {
      const reply = replyOf(blocks);
      return decide((draft) =>
        recordReply(draft, {
          requestId: draft.state().round.openRequest ?? '',
          reply,
          previewed: new Map(),
          costMicroCents: 1_000,
        }),
      );
    },
    fail: ({ retryable, kind = 'overloaded' }) =>
      decide((draft) =>
        recordFailure(draft, { type: 'failure', kind, message: 'no', retryable, retryAfterMs: null }, 1_000),
      ),
    compact: (items, summary) =>
      decide((draft) =>
        recordCompaction(draft, { items, reply: replyOf([text(summary)]), costMicroCents: 500 }),
      ),
    result(eventId, result = { content: [{ type: 'text', text: 'done' }], isError: false }) {
      decide((draft) => {
        const call = draft.state().round.calls.find((candidate) => candidate.eventId === eventId);
        if (call) emitResult(draft, call, result);
      });
    },
  };
  return session;
}

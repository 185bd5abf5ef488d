import type { Finished } from '../../src/brain/finished.ts';
import { recordFinished } from '../../src/brain/finished.ts';
import { noJudgements } from '../../src/brain/judge.ts';
import type { ModelFailure, ModelReply, WireBlock } from '../../src/domain/model.ts';
import { advance } from '../../src/domain/session/advance.ts';
import { archiveSession, updateSession } from '../../src/domain/session/lifecycle.ts';
import { hasQueued, waitingCalls } from '../../src/domain/session/state.ts';
import type { AgentToolParams } from '../../src/protocol/agent-tools.ts';
import type { EventParams } from '../../src/protocol/event-params.ts';
import { Refusal } from '../../src/protocol/refusal.ts';
import type { PureSession } from './pure-session.ts';
import { customTool, message, pureSession, text, toolUse, usage } from './pure-session.ts';

/** What the world may do to a session at any moment; a move that makes no sense now is passed over. */
export type Move =
  | { readonly type: 'send'; readonly events: readonly Said[] }
  | { readonly type: 'step' }
  | { readonly type: 'reply'; readonly blocks: readonly ReplyBlock[]; readonly stop: ReplyStop }
  | { readonly type: 'fail'; readonly kind: ModelFailure['kind'] }
  | { readonly type: 'finish'; readonly nth: number; readonly isError: boolean }
  | { readonly type: 'crash' }
  | { readonly type: 'update'; readonly change: Update }
  | { readonly type: 'archive' };

/** `nth` counts the calls of the round, answered or not: some of these are refused. */
export type Said =
  | { readonly type: 'message' }
  | { readonly type: 'interrupt' }
  | { readonly type: 'system' }
  | { readonly type: 'confirm'; readonly nth: number; readonly result: 'allow' | 'deny' }
  | { readonly type: 'answer'; readonly nth: number; readonly isError: boolean };

export const replyBlocks = [
  'text',
  'empty',
  'thinking',
  'bash',
  'read',
  'write',
  'edit',
  'glob',
  'weather',
  'malformed',
  'unknown',
] as const;
export type ReplyBlock = (typeof replyBlocks)[number];
export const replyStops = ['end_turn', 'max_tokens', 'pause_turn', 'refusal'] as const;
type ReplyStop = (typeof replyStops)[number];
export const updates = ['title', 'metadata', 'tools', 'raise', 'unlimit'] as const;
type Update = (typeof updates)[number];

export type LifeOptions = { readonly isBudgeted: boolean; readonly contextTokensMax: number };

export type Life = {
  readonly session: PureSession;
  take(move: Move): void;
  /** A world that means well from now on: everything is answered until the session is at rest. */
  settle(): void;
  /** Texts of the messages that were taken, in order. */
  readonly said: readonly string[];
  /** How often each call of a tool that does not only read was started. */
  readonly executed: ReadonlyMap<string, number>;
};

/** bash and read run, write asks, edit is judged and nobody judges, glob is disabled. */
const tools: AgentToolParams[] = [
  {
    type: 'agent_toolset_20260401',
    configs: [
      { name: 'write', permission_policy: { type: 'always_ask' } },
      { name: 'edit', permission_policy: { type: 'auto' } },
      { name: 'glob', enabled: false },
    ],
  },
  customTool,
];
const cents = (amount: number) => ({
  type: 'limit' as const,
  max_list_cost: { amount: String(amount), currency: 'USD' as const },
});
const replyMicroCents = 600_000;
const retryable: readonly ModelFailure['kind'][] = ['overloaded', 'rate_limited'];
const settleStepsMax = 2_000;

/**
 * A session over the pure rules, driven like `brain/turn.ts` drives one: what ends goes to a mailbox, each step
 * takes one thing from it and commits what it means together with how far that leads. A crash forgets the mailbox
 * and what is in flight, and nothing else.
 */
export function randomLife({ isBudgeted, contextTokensMax }: LifeOptions): Life {
  const session = pureSession(tools, isBudgeted ? { budget: cents(1) } : {});
  const said: string[] = [];
  const executed = new Map<string, number>();
  let mailbox: Finished[] = [];
  let request: string | null = null;
  let calls = new Set<string>();
  let uses = 0;

  function die(): void {
    mailbox = [];
    request = null;
    calls = new Set();
  }

  /** An interrupt that was noticed cuts what is in flight. */
  function noticed(): void {
    if (!hasQueued(session.state(), 'user.interrupt')) return;
    if (request !== null && !mailbox.some(({ type }) => endsRequest(type))) mailbox.push({ type: 'cut' });
    for (const call of runningCalls()) {
      mailbox.push({ type: 'result', call, outcome: { content: [], isError: true }, cut: true });
    }
  }

  function endsRequest(type: Finished['type']): boolean {
    return type !== 'result' && type !== 'notice';
  }

  function runningCalls() {
    const ended = new Set(mailbox.flatMap((one) => (one.type === 'result' ? [one.call.eventId] : [])));
    return session.state().round.calls.filter(({ eventId }) => calls.has(eventId) && !ended.has(eventId));
  }

  function step(): void {
    if (session.state().wakeAtUs === null) return;
    const finished = mailbox.shift() ?? { type: 'notice' };
    if (finished.type === 'result') calls.delete(finished.call.eventId);
    else if (finished.type !== 'notice') request = null;
    const next = session.decide((draft) => {
      const ended = recordFinished(draft, finished, { random: () => 0.5, costOf: () => replyMicroCents });
      const window = { contextTokensMax, clearsResults: false };
      return ended ?? advance(draft, { inFlight: { request, calls }, startErrors: [], window });
    });
    if (next.type === 'request') request = next.requestId;
    if (next.type === 'compact') request = `summary ${next.items}`;
    if (next.type === 'tools') {
      for (const { eventId, name } of next.calls) {
        calls.add(eventId);
        if (name !== 'read') executed.set(eventId, (executed.get(eventId) ?? 0) + 1);
      }
    }
    if (next.type === 'rest' && (request !== null || calls.size > 0))
      throw new Error('at rest with work in flight');
    if (next.type === 'rest') die();
  }

  function isAsked(): boolean {
    return request !== null && !mailbox.some(({ type }) => endsRequest(type));
  }

  function reply(blocks: readonly ReplyBlock[], stop: ReplyStop): void {
    if (request === null || !isAsked()) return;
    const made = replyOf(blocks, stop, () => `toolu_${uses++}`);
    const items = /^summary (\d+)$/.exec(request)?.[1];
    mailbox.push(
      items === undefined
        ? {
            type: 'reply',
            requestId: request,
            reply: made,
            mcpTools: [],
            previewed: new Map(),
            judged: noJudgements,
          }
        : { type: 'summary', items: Number(items), reply: made },
    );
  }

  function fail(kind: ModelFailure['kind']): void {
    const failure = { kind, message: 'no', retryable: retryable.includes(kind), retryAfterMs: null };
    if (isAsked()) mailbox.push({ type: 'failure', failure: { type: 'failure', ...failure } });
  }

  function finish(nth: number, isError: boolean): void {
    const call = runningCalls()[nth];
    const outcome = { content: [text('w'.repeat(300)) as { type: 'text'; text: string }], isError };
    if (call) mailbox.push({ type: 'result', call, outcome, cut: false });
  }

  function send(events: readonly Said[]): void {
    const params = events.map((event) => paramsOf(event, `message ${said.length} ${uses++}`));
    if (attempted(() => session.send(...params))) {
      for (const one of params) if (one.type === 'user.message') said.push(JSON.stringify(one.content));
      noticed();
    }
  }

  function paramsOf(event: Said, words: string): EventParams {
    if (event.type === 'message') return message(words);
    if (event.type === 'interrupt') return { type: 'user.interrupt' };
    if (event.type === 'system') return { type: 'system.message', content: [{ type: 'text', text: words }] };
    const id = session.state().round.calls[event.nth]?.eventId ?? 'sevt_none';
    if (event.type === 'confirm')
      return { type: 'user.tool_confirmation', tool_use_id: id, result: event.result };
    return { type: 'user.custom_tool_result', custom_tool_use_id: id, is_error: event.isError };
  }

  function update(change: Update): void {
    const state = session.state();
    attempted(() =>
      session.decide((draft) => {
        if (change === 'title') updateSession(draft, { title: `title ${uses++}` });
        if (change === 'metadata') updateSession(draft, { metadata: { a: String(uses++ % 2) } });
        if (change === 'tools')
          updateSession(draft, { agent: { ...state.agent, tools: state.agent.tools.toReversed() } });
        if (change === 'raise')
          updateSession(draft, { budget: cents(Math.ceil(state.usage.costMicroCents / 1e6) + 1) });
        if (change === 'unlimit') updateSession(draft, { budget: null });
      }),
    );
  }

  function take(move: Move): void {
    if (move.type === 'send') send(move.events);
    if (move.type === 'step') step();
    if (move.type === 'reply') reply(move.blocks, move.stop);
    if (move.type === 'fail') fail(move.kind);
    if (move.type === 'finish') finish(move.nth, move.isError);
    if (move.type === 'crash') die();
    if (move.type === 'update') update(move.change);
    if (move.type === 'archive') attempted(() => session.decide(archiveSession));
  }

  function settle(): void {
    for (let left = settleStepsMax; left > 0; left--) {
      const state = session.state();
      if (state.wakeAtUs !== null) {
        finish(0, false);
        reply(['text'], 'end_turn');
        step();
        continue;
      }
      const { calls: open } = state.round;
      const [waiting] = waitingCalls(state);
      const nth = open.findIndex(({ eventId }) => eventId === waiting?.eventId);
      if (waiting)
        send([
          waiting.kind === 'custom'
            ? { type: 'answer', nth, isError: false }
            : { type: 'confirm', nth, result: 'allow' },
        ]);
      else if (hasQueued(state, 'user.message') && state.budget !== null) update('unlimit');
      else return;
    }
    throw new Error('the session does not come to rest');
  }

  return { session, take, settle, said, executed };
}

/** Whether it was taken; a refusal is an answer, too. */
function attempted(act: () => unknown): boolean {
  try {
    act();
    return true;
  } catch (cause) {
    if (cause instanceof Refusal) return false;
    throw cause;
  }
}

function replyOf(kinds: readonly ReplyBlock[], stop: ReplyStop, newId: () => string): ModelReply {
  const malformed: string[] = [];
  const content = kinds.map((kind): WireBlock => {
    const id = newId();
    if (kind === 'malformed') malformed.push(id);
    return blockOf(kind, id);
  });
  const calls = content.some(({ type }) => type === 'tool_use');
  return {
    type: 'reply',
    content,
    stopReason: calls && stop === 'end_turn' ? 'tool_use' : stop,
    refusal: null,
    usage,
    servedBy: 'scripted/test',
    malformed,
  };
}

function blockOf(kind: ReplyBlock, id: string): WireBlock {
  if (kind === 'text') return text('Well.');
  if (kind === 'empty') return text('');
  if (kind === 'thinking') return { type: 'thinking', thinking: 'Hm.', signature: 's' };
  return toolUse(id, kind === 'malformed' ? 'weather' : kind);
}

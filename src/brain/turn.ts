import { createMailbox } from '../base/mailbox.ts';
import { recipeOf } from '../domain/hands.ts';
import type { Mcp } from '../domain/mcp.ts';
import type { Repositories } from '../domain/repositories.ts';
import type { Step } from '../domain/session/advance.ts';
import { advance } from '../domain/session/advance.ts';
import type { Draft } from '../domain/session/draft.ts';
import { draftOf } from '../domain/session/draft.ts';
import type { Begun, Lease, SessionLog } from '../domain/session/session-log.ts';
import type { Call, SessionState } from '../domain/session/state.ts';
import type { Turn, TurnEnd } from '../domain/turn.ts';
import type { AskDeps } from './ask-model.ts';
import { askForReply, askForSummary } from './ask-model.ts';
import type { Finished, ReplyPricing } from './finished.ts';
import { recordFinished } from './finished.ts';
import { createInterruption } from './interruption.ts';
import { createMcpLink } from './mcp.ts';
import { createRepositoryLink } from './repositories.ts';
import type { CallDeps } from './run-call.ts';
import { runCall } from './run-call.ts';
import { errorsOfCreation } from './start-errors.ts';

export type TurnDeps = ReplyPricing &
  AskDeps &
  CallDeps & {
    readonly log: SessionLog;
    readonly mcp: Mcp;
    readonly repositories: Repositories;
  };

type Reached = {
  readonly step: Step | { readonly type: 'connect' };
  readonly state: SessionState;
};

/**
 * Drives one claimed session from running to rest: fold, ask the model, run tools, append, repeat.
 * Stateless but for what is in flight: killed at any await, another brain continues from the log.
 * Rejects with `StaleLease` when the session was claimed elsewhere; nothing of ours is appended then.
 */
export function startTurn(deps: TurnDeps, lease: Lease, begun: Begun | null = null): Turn {
  const mailbox = createMailbox<Finished>();
  const interruption = createInterruption();
  const mcp = createMcpLink(deps.mcp);
  const repositories = createRepositoryLink(deps.repositories);
  const links = [mcp, repositories];
  const calls = new Set<string>();
  let request: string | null = null;
  let stopped = false;
  let leaving = false;
  async function run(): Promise<TurnEnd> {
    let { step, state } = begun ?? (await proceed({ type: 'notice' }));
    while (step.type !== 'rest') {
      launch(step, state);
      const finished = await mailbox.take();
      if (stopped) return 'held';
      ({ step, state } = await proceed(finished));
    }
    return state.wakeAtUs === null ? 'released' : 'held';
  }

  async function proceed(finished: Finished): Promise<Reached> {
    settle(finished);
    const decide = (before: SessionState) => {
      const draft = draftOf(before, { nowUs: deps.clock.nowUs(), newId: deps.newId });
      const step = recordFinished(draft, finished, deps) ?? afterThat(draft);
      return { entries: draft.entries(), result: { step, state: draft.state() } };
    };
    return await deps.log.commit(lease.sessionId, decide, lease);
  }

  function next(draft: Draft): Reached['step'] {
    const state = draft.state();
    const missing = links.map((link) => link.missing(state));
    if (missing.includes('connect')) return { type: 'connect' };
    if (missing.includes('wait')) return { type: 'wait' };
    const startErrors = [...mcp.errors(), ...errorsOfCreation(state), ...repositories.errors()];
    const window = deps.windowOf(draft.state().agent.model);
    return advance(draft, { inFlight: { request, calls }, startErrors, window });
  }

  /** Who leaves begins nothing new: tried on a draft of its own. */
  function afterThat(draft: Draft): Reached['step'] {
    const isQuiet = leaving && request === null && calls.size === 0;
    const isNew = isQuiet && next(draftOf(draft.state(), draft)).type !== 'rest';
    return isNew ? { type: 'rest' } : next(draft);
  }

  function settle(finished: Finished): void {
    if (finished.type === 'result') calls.delete(finished.call.eventId);
    else if (finished.type !== 'notice' && finished.type !== 'connected') request = null;
  }

  function launch(step: Reached['step'], state: SessionState): void {
    interruption.decided(state);
    const signal = interruption.signal();
    for (const link of step.type === 'connect' ? links : [])
      if (link.missing(state) === 'connect')
        void link.connect(state, signal).then(() => mailbox.put({ type: 'connected' }));
    if (step.type === 'request') {
      request = step.requestId;
      const asked = { requestId: step.requestId, state, mcpTools: mcp.tools() };
      void askForReply(deps, asked, signal)
        .then((reply) => settled(reply, state))
        .then(mailbox.put);
    }
    if (step.type === 'compact') {
      request = 'summary';
      void askForSummary(deps, step.items, state, signal).then(mailbox.put);
    }
    if (step.type !== 'tools') return;
    for (const call of step.calls) {
      calls.add(call.eventId);
      void execute(call, state, signal);
    }
  }

  /** A reply that ends the turn waits until what the agent made is taken over: who sees the session idle finds it. */
  async function settled(reply: Finished, state: SessionState): Promise<Finished> {
    const ends = reply.type === 'reply' && reply.reply.content.every(({ type }) => type !== 'tool_use');
    if (ends) await deps.hands.settle(recipeOf(state));
    return reply;
  }

  async function execute(call: Call, state: SessionState, signal: AbortSignal): Promise<void> {
    const outcome = await runCall(deps, { call, state, mcp }, signal);
    mailbox.put({ type: 'result', call, outcome, cut: signal.aborted });
  }

  return {
    done: run().finally(() => {
      interruption.end('the turn is over');
      mcp.close();
    }),
    notice(state) {
      interruption.heard(state);
      mailbox.put({ type: 'notice' });
    },
    leave() {
      leaving = true;
      mailbox.put({ type: 'notice' });
    },
    stop() {
      stopped = true;
      interruption.end('the turn was given up');
      mailbox.put({ type: 'notice' });
    },
  };
}

import type { NewId } from '../base/ids.ts';
import type { ReadFile } from '../domain/files.ts';
import type { Hands } from '../domain/hands.ts';
import { recipeOf, usesSandbox } from '../domain/hands.ts';
import type { McpTool } from '../domain/mcp.ts';
import type { ModelDelta } from '../domain/model.ts';
import type { ContextWindow } from '../domain/session/compaction.ts';
import { compactionRequest } from '../domain/session/compaction-request.ts';
import { contextOf } from '../domain/session/context.ts';
import type { SessionState } from '../domain/session/state.ts';
import type { Tails } from '../domain/tails.ts';
import { isSandboxTool } from '../domain/tools/builtin.ts';
import type { ModelConfig } from '../protocol/agents.ts';
import { withFileContents } from './file-sources.ts';
import type { Finished } from './finished.ts';
import type { JudgeDeps } from './judge.ts';
import { judgeCalls } from './judge.ts';
import { createPreviews } from './previews.ts';
import type { SurroundingsDeps } from './surroundings.ts';
import { surroundingsOf } from './surroundings.ts';

export type AskDeps = JudgeDeps &
  SurroundingsDeps & {
    readonly tails: Pick<Tails, 'preview'>;
    readonly hands: Pick<Hands, 'warm'>;
    readonly readFile: ReadFile;
    readonly windowOf: (model: ModelConfig) => ContextWindow;
    readonly newId: NewId;
  };

export type Asked = {
  readonly requestId: string;
  readonly state: SessionState;
  /** Offered to the model beside the other tools of the agent. */
  readonly mcpTools: readonly McpTool[];
};

/** The next reply of the conversation, with its previews on the way and its calls judged. Never rejects. */
export function askForReply(
  deps: AskDeps,
  { requestId, state, mcpTools }: Asked,
  signal: AbortSignal,
): Promise<Finished> {
  const previews = createPreviews(deps.newId);
  return finishing(signal, async () => {
    const reply = await deps.model.request(
      await withFileContents(
        contextOf(state, { mcpTools, ...(await surroundingsOf(deps, state)) }),
        deps.readFile,
      ),
      (delta) => {
        prepare(deps.hands, state, delta);
        for (const preview of previews.take(delta))
          deps.tails.preview(state.id, { preview, requestId, isSoFar: false });
      },
      signal,
    );
    if (reply.type === 'failure') return { type: 'failure', failure: reply };
    const judged = await judgeCalls(deps, { state, mcpTools, reply }, signal);
    return { type: 'reply', requestId, reply, mcpTools, previewed: previews.promised, judged };
  });
}

/** A sandbox that is gone is made while the model still writes what is to run in it. */
function prepare(hands: AskDeps['hands'], state: SessionState, delta: ModelDelta): void {
  const name = delta.type === 'block_start' ? delta.tool : undefined;
  if (name !== undefined && isSandboxTool(name) && usesSandbox(state)) hands.warm(recipeOf(state));
}

/** A summary of the first `items` of the conversation. Never rejects. */
export function askForSummary(
  deps: AskDeps,
  items: number,
  state: SessionState,
  signal: AbortSignal,
): Promise<Finished> {
  const { contextTokensMax } = deps.windowOf(state.agent.model);
  return finishing(signal, async () => {
    const wanted = compactionRequest(state, items, contextTokensMax);
    const reply = await deps.model.request(wanted, () => {}, signal);
    return reply.type === 'failure' ? { type: 'failure', failure: reply } : { type: 'summary', items, reply };
  });
}

async function finishing(signal: AbortSignal, ask: () => Promise<Finished>): Promise<Finished> {
  try {
    return await ask();
  } catch (cause) {
    if (signal.aborted) return { type: 'cut' };
    const message = cause instanceof Error ? cause.message : String(cause);
    return {
      type: 'failure',
      failure: { type: 'failure', kind: 'request_failed', message, retryable: true, retryAfterMs: null },
    };
  }
}

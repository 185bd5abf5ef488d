import type { EnvironmentId, EventId, SessionId } from '../base/ids.ts';
import type { SkillReference } from '../protocol/agent-tools.ts';
import type { ResultBlock } from '../protocol/content.ts';
import type { SessionErrorObject } from '../protocol/session-errors.ts';
import type { SessionResource } from '../protocol/session-resources.ts';
import { sessionSkills } from './agent-skills.ts';
import type { SessionState } from './session/state.ts';

/** What a session's sandbox is made from. */
export type SandboxRecipe = {
  readonly sessionId: SessionId;
  readonly environmentId: EnvironmentId;
  /** What is to be there when a tool runs. The same array as before means that nothing changed. */
  readonly resources: readonly SessionResource[];
  /** Of all agents of the session. */
  readonly skills: readonly SkillReference[];
};

export function recipeOf({ id, environmentId, resources, agent }: SessionState): SandboxRecipe {
  return { sessionId: id, environmentId, resources, skills: sessionSkills(agent) };
}

/** Whether its agent may ask for what runs in a sandbox of ours. */
export function usesSandbox({ agent, selfHosted }: SessionState): boolean {
  return !selfHosted && agent.tools.some((tool) => tool.type === 'agent_toolset_20260401');
}

/** One built-in tool call, already permitted. `input` is what the model sent, unchecked. */
export type ToolRequest = {
  readonly eventId: EventId;
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
};

/** What the model is told. A failing tool is data, never an exception. */
export type ToolOutcome = {
  readonly content: readonly ResultBlock[];
  readonly isError: boolean;
  /** What went wrong around the call, for the session's log. */
  readonly errors?: readonly SessionErrorObject[];
};

/**
 * The hands of every session: tools executed in sandboxes.
 * Contract: `execute` always resolves; after its signal aborts it resolves within a second, when the
 * whole process tree of the call is gone. Sandboxes are cattle: one that died is a failed call, the
 * next call gets a new one over the same workspace.
 */
export interface Hands {
  /** Starts provisioning in the background; bounded, never awaited, errors surface at the next call. */
  warm(recipe: SandboxRecipe): void;
  execute(recipe: SandboxRecipe, request: ToolRequest, signal: AbortSignal): Promise<ToolOutcome>;
  /** Keeps text that is too long for the model in a file of the sandbox, and shows its beginning instead. */
  spill(recipe: SandboxRecipe, request: ToolRequest, outcome: ToolOutcome): Promise<ToolOutcome>;
  /** Takes over what the agent made outside of calls, before its session goes idle. Never rejects. */
  settle(recipe: SandboxRecipe): Promise<void>;
  /** The session went idle: the sandbox may be torn down after its grace period. The workspace stays. */
  rest(sessionId: SessionId): void;
  /** Ends the sandbox now. `discard` also removes the workspace. */
  release(sessionId: SessionId, options: { readonly discard: boolean }): Promise<void>;
  close(): Promise<void>;
}

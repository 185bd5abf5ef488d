import type { SessionAgent } from '../../protocol/sessions.ts';
import type { McpTool } from '../mcp.ts';
import type { WireBlock } from '../model.ts';
import type { EventBody } from '../session/draft.ts';
import { builtinTools } from './builtin.ts';
import { guessedMcpTool, mcpToolNames } from './mcp-names.ts';
import type { ToolName } from './permission.ts';
import { toolPermission } from './permission.ts';

/** Who may be asked for what: the agent, and the tools that its MCP servers offer now. */
export type Callable = { readonly agent: SessionAgent; readonly mcpTools: readonly McpTool[] };

/**
 * Which kind of tool a `tool_use` block of the model means, with its permission evaluated.
 * A tool that is unknown or disabled is refused before any policy: deny, and no `evaluation`.
 */
export function toolUseOf(callable: Callable, block: WireBlock, judgement?: Judgement): EventBody {
  const name = String(block['name']);
  const input = inputOf(block);
  if (isCustom(callable.agent, name)) return { type: 'agent.custom_tool_use', name, input };
  const tool = toolNamed(callable, name);
  const verdict = evaluated(callable.agent, tool, judgement);
  return tool.server === null
    ? { type: 'agent.tool_use', name, input, ...verdict }
    : { type: 'agent.mcp_tool_use', mcp_server_name: tool.server, name: tool.name, input, ...verdict };
}

/** A call whose input cannot be read is refused before any policy, and never becomes a client's business. */
export function malformedUseOf(callable: Callable, block: WireBlock): EventBody {
  const { server, name } = toolNamed(callable, String(block['name']));
  const refused = { name, input: {}, evaluated_permission: 'deny' } as const;
  return server === null
    ? { type: 'agent.tool_use', ...refused }
    : { type: 'agent.mcp_tool_use', mcp_server_name: server, ...refused };
}

/** Whether the policy of the tool that a block calls wants the call judged. */
export function wantsJudgement(callable: Callable, block: WireBlock): boolean {
  const name = String(block['name']);
  if (isCustom(callable.agent, name)) return false;
  const verdict = evaluated(callable.agent, toolNamed(callable, name));
  return 'evaluation' in verdict && verdict.evaluation.type === 'auto';
}

function isCustom(agent: SessionAgent, name: string): boolean {
  return agent.tools.some((tool) => tool.type === 'custom' && tool.name === name);
}

type NamedTool = ToolName & { readonly isKnown: boolean };

function toolNamed({ agent, mcpTools }: Callable, name: string): NamedTool {
  const offered = mcpToolNames(mcpTools).get(name);
  if (offered) return { server: offered.server, name: offered.name, isKnown: true };
  const guessed = guessedMcpTool(name, agent.mcp_servers);
  if (guessed) return { ...guessed, isKnown: false };
  return { server: null, name, isKnown: builtinTools.some((known) => known.name === name) };
}

function inputOf(block: WireBlock): Record<string, unknown> {
  const input = block['input'];
  // The Messages API promises an object; a model that sends something else gets an empty one.
  return typeof input === 'object' && input !== null && !Array.isArray(input)
    ? (input as Record<string, unknown>)
    : {};
}

/** What came of judging a call; `ask` where no judgement was reached (spec/tools.md, Permission policies). */
export type Judgement =
  | { readonly type: 'allow' }
  | { readonly type: 'ask'; readonly reason_code: 'indeterminate' }
  | { readonly type: 'deny'; readonly reason_code: 'high_risk' | 'indeterminate' };

export const indeterminate: Judgement = { type: 'ask', reason_code: 'indeterminate' };

type Verdict =
  | { evaluated_permission: 'deny' }
  | { evaluated_permission: 'allow'; evaluation: { type: 'always_allow' } }
  | { evaluated_permission: 'ask'; evaluation: { type: 'always_ask' } }
  | {
      evaluated_permission: Judgement['type'];
      evaluation: { type: 'auto'; evaluated_permission: Judgement };
    };

function evaluated(agent: SessionAgent, tool: NamedTool, judgement = indeterminate): Verdict {
  if (!tool.isKnown) return { evaluated_permission: 'deny' };
  const { enabled, policy } = toolPermission(agent.tools, tool);
  if (!enabled) return { evaluated_permission: 'deny' };
  switch (policy.type) {
    case 'always_allow':
      return { evaluated_permission: 'allow', evaluation: { type: 'always_allow' } };
    case 'always_ask':
      return { evaluated_permission: 'ask', evaluation: { type: 'always_ask' } };
    case 'auto':
      return {
        evaluated_permission: judgement.type,
        evaluation: { type: 'auto', evaluated_permission: judgement },
      };
  }
}

import type { SessionAgent } from '../../protocol/sessions.ts';
import type { WireBlock } from '../model.ts';
import type { EventBody } from '../session/draft.ts';
import { builtinTools } from './builtin.ts';
import { toolPermission } from './permission.ts';

/** How the model sees an MCP tool: the reserved prefix of spec/tools.md, MCP. */
const mcpName = /^mcp__(.+?)__(.+)$/;

/**
 * Which kind of tool a `tool_use` block of the model means, with its permission evaluated.
 * A tool that is unknown or disabled is refused before any policy: deny, and no `evaluation`.
 */
export function toolUseOf(agent: SessionAgent, block: WireBlock): EventBody {
  const name = String(block['name']);
  const input = inputOf(block);
  if (agent.tools.some((tool) => tool.type === 'custom' && tool.name === name)) {
    return { type: 'agent.custom_tool_use', name, input };
  }
  const mcp = mcpName.exec(name);
  if (mcp?.[1] && mcp[2] && agent.mcp_servers.some((server) => server.name === mcp[1])) {
    const verdict = evaluated(agent, { server: mcp[1], name: mcp[2] });
    return { type: 'agent.mcp_tool_use', mcp_server_name: mcp[1], name: mcp[2], input, ...verdict };
  }
  return { type: 'agent.tool_use', name, input, ...evaluated(agent, { server: null, name }) };
}

function inputOf(block: WireBlock): Record<string, unknown> {
  const input = block['input'];
  // The Messages API promises an object; a model that sends something else gets an empty one.
  return typeof input === 'object' && input !== null && !Array.isArray(input)
    ? (input as Record<string, unknown>)
    : {};
}

type Verdict =
  | { evaluated_permission: 'deny' }
  | { evaluated_permission: 'allow'; evaluation: { type: 'always_allow' } }
  | { evaluated_permission: 'ask'; evaluation: { type: 'always_ask' } }
  | {
      evaluated_permission: 'ask';
      evaluation: { type: 'auto'; evaluated_permission: { type: 'ask'; reason_code: string } };
    };

function evaluated(agent: SessionAgent, tool: { server: string | null; name: string }): Verdict {
  if (tool.server === null && !builtinTools.some((known) => known.name === tool.name)) {
    return { evaluated_permission: 'deny' };
  }
  const { enabled, policy } = toolPermission(agent.tools, tool);
  if (!enabled) return { evaluated_permission: 'deny' };
  switch (policy.type) {
    case 'always_allow':
      return { evaluated_permission: 'allow', evaluation: { type: 'always_allow' } };
    case 'always_ask':
      return { evaluated_permission: 'ask', evaluation: { type: 'always_ask' } };
    case 'auto':
      // Without a judge no judgement is reached, and that is what the client is asked about.
      return {
        evaluated_permission: 'ask',
        evaluation: { type: 'auto', evaluated_permission: { type: 'ask', reason_code: 'indeterminate' } },
      };
  }
}

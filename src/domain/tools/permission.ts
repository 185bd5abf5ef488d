import type { AgentTool, PermissionPolicy } from '../../protocol/agent-tools.ts';

export type ToolName = {
  /** The MCP server that has the tool; `null`: a built-in tool. */
  readonly server: string | null;
  readonly name: string;
};

export type ToolPermission = { readonly enabled: boolean; readonly policy: PermissionPolicy };

const absent: ToolPermission = { enabled: false, policy: { type: 'always_ask' } };

/**
 * Whether the model may see a tool and what a call needs. The tool's own config wins over its toolset's
 * default (spec/agents.md, Tools array rules); tools of no configured toolset are disabled.
 */
export function toolPermission(tools: readonly AgentTool[], tool: ToolName): ToolPermission {
  for (const toolset of tools) {
    if (toolset.type === 'custom') continue;
    const server = toolset.type === 'mcp_toolset' ? toolset.mcp_server_name : null;
    if (server !== tool.server) continue;
    const own = toolset.configs.find((config) => config.name === tool.name) ?? toolset.default_config;
    return { enabled: own.enabled, policy: own.permission_policy };
  }
  return absent;
}

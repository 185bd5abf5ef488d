import type { SessionErrorObject } from '../protocol/session-errors.ts';
import type { SessionAgent } from '../protocol/sessions.ts';

/**
 * MCP servers a starting turn cannot use. This server has no MCP client yet, so that is each of them:
 * the turn says so and goes on without their tools (spec/tools.md, MCP).
 */
export function unreachableServers(agent: SessionAgent): readonly SessionErrorObject[] {
  return agent.mcp_servers.map((server) => ({
    type: 'mcp_connection_failed_error' as const,
    mcp_server_name: server.name,
    message: `Could not connect to MCP server "${server.name}": MCP connections are not available on this server.`,
    retry_status: { type: 'retrying' as const },
  }));
}

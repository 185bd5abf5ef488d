import type { ToolOutcome } from '../domain/hands.ts';
import type { Mcp, McpConnections, McpTool } from '../domain/mcp.ts';
import { errorResult } from '../domain/session/calls.ts';
import type { Call, SessionState } from '../domain/session/state.ts';
import { hasQueued } from '../domain/session/state.ts';
import type { SessionErrorObject } from '../protocol/session-errors.ts';

/** The MCP servers of the agent of one running turn, connected before its first request (spec/tools.md, MCP). */
export type McpLink = {
  /** What comes before anything else in this turn: connecting, waiting for that, or `null`: nothing. */
  missing(state: SessionState): 'connect' | 'wait' | null;
  /** Resolves when the servers are connected or out of reach, or when the signal aborts. */
  connect(state: SessionState, signal: AbortSignal): Promise<void>;
  tools(): readonly McpTool[];
  errors(): readonly SessionErrorObject[];
  call(call: Call, signal: AbortSignal): Promise<ToolOutcome>;
  close(): void;
};

export function createMcpLink(mcp: Mcp): McpLink {
  let connections: McpConnections | null = null;
  let connecting = false;
  let closed = false;
  return {
    missing(state) {
      if (connecting) return 'wait';
      const isOver = state.status !== 'running' && state.status !== 'rescheduling';
      const isNeeded = connections === null && state.agent.mcp_servers.length > 0;
      return isNeeded && !isOver && !hasQueued(state, 'user.interrupt') ? 'connect' : null;
    },
    async connect({ agent, vaultIds }, signal) {
      connecting = true;
      const made = await mcp.connect(agent.mcp_servers, vaultIds, signal);
      connecting = false;
      if (signal.aborted || closed) await made.close();
      else connections = made;
    },
    tools: () => connections?.tools ?? [],
    errors: () => connections?.errors ?? [],
    async call({ server, name, input }, signal) {
      if (server === null || connections === null) return errorResult('The MCP server is not connected.');
      return await connections.call({ server, name, input }, signal);
    },
    close() {
      closed = true;
      void connections?.close();
    },
  };
}

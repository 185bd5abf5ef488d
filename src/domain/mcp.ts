import type { McpServer } from '../protocol/agent-tools.ts';
import type { SessionErrorObject } from '../protocol/session-errors.ts';
import type { ToolOutcome } from './hands.ts';

/** A tool as its MCP server describes it. */
export type McpTool = {
  readonly server: string;
  readonly name: string;
  readonly description: string;
  readonly inputSchema: Readonly<Record<string, unknown>>;
};

export type McpCall = {
  readonly server: string;
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
};

/** The MCP servers of an agent, connected for one turn. */
export interface McpConnections {
  /** Of each server in the order in which it lists them; server after server. */
  readonly tools: readonly McpTool[];
  /** One for each server that could not be used; the turn goes on without its tools. */
  readonly errors: readonly SessionErrorObject[];
  /** Always resolves; soon after its signal aborts. */
  call(call: McpCall, signal: AbortSignal): Promise<ToolOutcome>;
  close(): Promise<void>;
}

/** Contract: `connect` always resolves, in bounded time, and at once when its signal aborts. */
export interface Mcp {
  connect(
    servers: readonly McpServer[],
    vaultIds: readonly string[],
    signal: AbortSignal,
  ): Promise<McpConnections>;
}

/** The credentials of vaults, for requests to MCP servers. */
export interface McpTokens {
  /**
   * The token for a server: of the first vault with an active credential for its URL; `null`: none has one, so
   * requests go without. What the server has refused is `rejected`: it is exchanged for a new one where that
   * can be done, once for all who ask; the same again means that it cannot.
   */
  tokenFor(url: string, vaultIds: readonly string[], rejected: string | null): Promise<string | null>;
}

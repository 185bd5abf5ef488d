import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Log } from '../../base/log.ts';
import { scrub } from '../../base/scrub.ts';
import type { ToolOutcome } from '../../domain/hands.ts';
import { mcpConnectMsMax, mcpToolsPerServerMax, toolTimeoutMs } from '../../domain/limits.ts';
import type { Mcp, McpCall, McpConnections, McpTokens, McpTool } from '../../domain/mcp.ts';
import type { McpServer } from '../../protocol/agent-tools.ts';
import type { SessionErrorObject } from '../../protocol/session-errors.ts';
import { failed } from '../tools/outcome.ts';
import { openClient, speaksOnlySse } from './client.ts';
import type { McpResult } from './content.ts';
import { outcomeOf } from './content.ts';
import type { Credentialed } from './credentialed-fetch.ts';
import { credentialedFetch } from './credentialed-fetch.ts';

export type McpOptions = {
  readonly tokens: McpTokens;
  /** Of this server, told to MCP servers. */
  readonly version: string;
  readonly log: Log;
};

/** MCP servers of agents: streamable HTTP, or the older SSE transport where a server knows only that. */
export function createMcp(options: McpOptions): Mcp {
  return {
    async connect(servers, vaultIds, signal) {
      const all = await Promise.all(servers.map((server) => connect(options, { server, vaultIds, signal })));
      return connectionsOf(all);
    },
  };
}

type Wanted = {
  readonly server: McpServer;
  readonly vaultIds: readonly string[];
  readonly signal: AbortSignal;
};
type Connected = {
  readonly server: string;
  readonly client: Client;
  readonly tools: readonly McpTool[];
  /** Secrets that no answer may carry on. */
  readonly secrets: () => readonly string[];
};
type Connection = Connected | { readonly error: SessionErrorObject };

async function connect({ tokens, version, log }: McpOptions, wanted: Wanted): Promise<Connection> {
  const { server, vaultIds } = wanted;
  const signal = AbortSignal.any([wanted.signal, AbortSignal.timeout(mcpConnectMsMax)]);
  const credentialed = credentialedFetch(server.url, (rejected) =>
    tokens.tokenFor(server.url, vaultIds, rejected),
  );
  let client: Client | null = null;
  try {
    client = await open({ url: server.url, version }, credentialed, signal);
    const tools = await toolsOf(server.name, client, signal);
    return { server: server.name, client, tools, secrets: credentialed.sent };
  } catch (cause) {
    void client?.close().catch(() => {});
    const error = errorOf(server.name, credentialed.lastStatus(), signal, cause);
    // Not the cause: what a server wrote may repeat the token.
    if (!wanted.signal.aborted) log.warn('mcp.connection_failed', { server: server.name, error });
    return { error };
  }
}

type Where = { readonly url: string; readonly version: string };

async function open(where: Where, { fetch, lastStatus }: Credentialed, signal: AbortSignal): Promise<Client> {
  try {
    return await openClient('streamable', { ...where, fetch }, signal);
  } catch (cause) {
    if (signal.aborted || !speaksOnlySse(lastStatus())) throw cause;
    // A server that knows neither is better described by its answer to the first.
    return await openClient('sse', { ...where, fetch }, signal).catch(() => {
      throw cause;
    });
  }
}

/** All pages, so long as the server does not go on for ever. */
async function toolsOf(server: string, client: Client, signal: AbortSignal): Promise<readonly McpTool[]> {
  if (!client.getServerCapabilities()?.tools) return [];
  const tools: McpTool[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.listTools(cursor === undefined ? {} : { cursor }, { signal });
    for (const { name, description, inputSchema } of page.tools)
      tools.push({ server, name, description: description ?? '', inputSchema });
    cursor = page.tools.length === 0 ? undefined : page.nextCursor;
  } while (cursor !== undefined && tools.length < mcpToolsPerServerMax);
  return tools.slice(0, mcpToolsPerServerMax);
}

function errorOf(
  server: string,
  status: number | undefined,
  signal: AbortSignal,
  cause: unknown,
): SessionErrorObject {
  const retrying = { mcp_server_name: server, retry_status: { type: 'retrying' as const } };
  if (status === 401 || status === 403) {
    return {
      type: 'mcp_authentication_failed_error',
      message: `MCP server "${server}" refused the connection (HTTP ${status}). Check the credential for it in the session's vaults.`,
      ...retrying,
    };
  }
  const why = signal.aborted
    ? `no answer within ${mcpConnectMsMax / 1000} seconds`
    : status === undefined
      ? reasonOf(cause)
      : `HTTP ${status}`;
  return {
    type: 'mcp_connection_failed_error',
    message: `Could not connect to MCP server "${server}": ${why}.`,
    ...retrying,
  };
}

/** What the network said; nothing of what the server wrote, which may be long, or repeat a secret. */
function reasonOf(cause: unknown): string {
  for (let error = cause; error instanceof Error; error = error.cause) {
    if ('code' in error && typeof error.code === 'string') return error.code;
  }
  return 'it does not answer as an MCP server';
}

function connectionsOf(all: readonly Connection[]): McpConnections {
  const connected = all.filter((one): one is Connected => 'client' in one);
  return {
    tools: connected.flatMap(({ tools }) => tools),
    errors: all.flatMap((one) => ('error' in one ? [one.error] : [])),
    async call(call, signal) {
      const connection = connected.find(({ server }) => server === call.server);
      if (!connection) return failed(`MCP server "${call.server}" is not connected.`);
      return scrubbed(await run(connection.client, call, signal), connection.secrets());
    },
    async close() {
      await Promise.all(connected.map(({ client }) => client.close().catch(() => {})));
    },
  };
}

async function run(
  client: Client,
  { server, name, input }: McpCall,
  signal: AbortSignal,
): Promise<ToolOutcome> {
  try {
    const wanted = { name, arguments: { ...input } };
    return outcomeOf(
      (await client.callTool(wanted, undefined, { signal, timeout: toolTimeoutMs })) as McpResult,
    );
  } catch (cause) {
    return failed(`${server}/${name}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

/** Tokens of vaults never reach the model (spec/tools.md, MCP). */
function scrubbed({ content, isError }: ToolOutcome, secrets: readonly string[]): ToolOutcome {
  const clean = content.map((block) =>
    block.type === 'text' ? { ...block, text: scrub(block.text, secrets) } : block,
  );
  return { content: clean, isError };
}

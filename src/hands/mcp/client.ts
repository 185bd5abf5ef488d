import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';

export type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

/** How to talk to one MCP server. */
export type Line = {
  readonly url: string;
  /** Sends every request; adds what the server wants to see of a credential. */
  readonly fetch: Fetch;
  /** Of this server, told to the other. */
  readonly version: string;
};

export type TransportKind = 'streamable' | 'sse';

/**
 * A client that has said `initialize`. Rejects when the server does not answer as an MCP server does. The MCP
 * client follows no redirect to another origin, so a token stays where it belongs.
 */
export async function openClient(kind: TransportKind, line: Line, signal: AbortSignal): Promise<Client> {
  // Loaded when it is needed: a server that starts does not need it.
  const { Client } = await import('@modelcontextprotocol/sdk/client/index.js');
  const client = new Client({ name: 'anthill', version: line.version });
  try {
    await client.connect(await transportOf(kind, line), { signal });
    return client;
  } catch (cause) {
    await client.close().catch(() => {});
    throw cause;
  }
}

/** How servers from before streamable HTTP answer its first request. */
export function speaksOnlySse(status: number | undefined): boolean {
  return [400, 404, 405].includes(status ?? 0);
}

async function transportOf(kind: TransportKind, line: Line): Promise<Transport> {
  if (kind === 'sse') {
    const { SSEClientTransport } = await import('@modelcontextprotocol/sdk/client/sse.js');
    return new SSEClientTransport(new URL(line.url), { fetch: line.fetch });
  }
  const { StreamableHTTPClientTransport } = await import(
    '@modelcontextprotocol/sdk/client/streamableHttp.js'
  );
  // Its optional members may be undefined, which the interface it implements does not say.
  return new StreamableHTTPClientTransport(new URL(line.url), { fetch: line.fetch }) as Transport;
}

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';

export type Seen = {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: string;
};

/** Answers before the MCP server does; true when it has. */
export type Door = (request: IncomingMessage, response: ServerResponse, body: string) => boolean;

export type McpServer = {
  readonly url: string;
  readonly seen: Seen[];
  /** What stands in front of the MCP endpoint, until the next call. */
  guard(door: Door): void;
  close(): Promise<void>;
};

/**
 * A real MCP server with two tools, behind a door: streamable HTTP at `/mcp`, or the older SSE transport at
 * `/sse`. Every other path is the door's alone, a token endpoint for example.
 */
export async function startMcpServer(): Promise<McpServer> {
  const seen: Seen[] = [];
  let door: Door = () => false;
  const old = new Map<string, SSEServerTransport>();
  const http = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const { pathname } = new URL(request.url ?? '/', 'http://x');
    const { authorization } = request.headers;
    seen.push({ method: request.method ?? '', path: pathname, authorization, body });
    if (door(request, response, body)) return;
    if (pathname === '/mcp') return await serveStreamable(request, response, body);
    if (pathname === '/sse' && request.method === 'GET') return await openSse(old, response);
    const transport = old.get(new URL(request.url ?? '/', 'http://x').searchParams.get('sessionId') ?? '');
    if (transport) return await transport.handlePostMessage(request, response, JSON.parse(body));
    response.writeHead(pathname === '/sse' ? 405 : 404).end('nothing here');
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    seen,
    guard(next) {
      door = next;
      seen.length = 0;
    },
    async close() {
      const closed = new Promise((resolve) => http.close(resolve));
      http.closeAllConnections();
      await closed;
    },
  };
}

function newServer(): Server {
  const server = new Server({ name: 'ants', version: '1' }, { capabilities: { tools: {} } });
  const inputSchema = { type: 'object' as const };
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: [
      { name: 'dig', description: 'Digs', inputSchema },
      { name: 'dig.deeper/v2', inputSchema },
    ],
  }));
  server.setRequestHandler(CallToolRequestSchema, ({ params: { name, arguments: given = {} } }) =>
    answerOf(name, given),
  );
  return server;
}

/** What it is asked for: so many characters, an error, an answer that never comes, blocks as they are, or an echo. */
function answerOf(name: string, given: Readonly<Record<string, unknown>>): CallToolResult | Promise<never> {
  if (given['never']) return new Promise<never>(() => {});
  if (given['content']) return { content: given['content'] as CallToolResult['content'] };
  const text = given['size']
    ? 'x'.repeat(Number(given['size']))
    : `${name} ${JSON.stringify(given['say'] ?? null)}`;
  return { content: [{ type: 'text', text }], isError: given['fail'] === true };
}

async function serveStreamable(
  request: IncomingMessage,
  response: ServerResponse,
  body: string,
): Promise<void> {
  if (request.method !== 'POST') {
    response.writeHead(405).end();
    return;
  }
  // Stateless: each request gets a server of its own.
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
  await newServer().connect(transport as Transport);
  await transport.handleRequest(request, response, JSON.parse(body));
}

async function openSse(open: Map<string, SSEServerTransport>, response: ServerResponse): Promise<void> {
  const transport = new SSEServerTransport(`/messages-${randomUUID()}`, response);
  open.set(transport.sessionId, transport);
  await newServer().connect(transport);
}

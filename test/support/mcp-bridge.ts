import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';

export type Bridge = { readonly url: string; close(): Promise<void> };

/** An MCP server that speaks over standard input and output, as a streamable HTTP server at `url`. */
export async function bridgeToStdio(script: string, args: readonly string[]): Promise<Bridge> {
  const client = new Client({ name: 'bridge', version: '1' });
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [script, ...args],
    stderr: 'ignore',
  });
  await client.connect(transport);
  const http = createServer(async (request, response) => {
    if (request.method !== 'POST') return void response.writeHead(405).end();
    let body = '';
    for await (const chunk of request) body += String(chunk);
    // Stateless: each request gets a server of its own, before the one program behind all of them.
    const streamable = new StreamableHTTPServerTransport({ enableJsonResponse: true });
    await serverBefore(client).connect(streamable as Transport);
    await streamable.handleRequest(request, response, JSON.parse(body));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    async close() {
      const closed = new Promise((resolve) => http.close(resolve));
      http.closeAllConnections();
      await closed;
      await client.close();
    },
  };
}

function serverBefore(client: Client): Server {
  const server = new Server({ name: 'bridge', version: '1' }, { capabilities: { tools: {} } });
  server.setRequestHandler(ListToolsRequestSchema, ({ params }) => client.listTools(params));
  server.setRequestHandler(CallToolRequestSchema, ({ params }) => client.callTool(params));
  return server;
}

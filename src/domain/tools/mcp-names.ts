import type { McpTool } from '../mcp.ts';

/** What the Messages API takes as the name of a tool. */
const nameCharactersMax = 128;
const prefix = 'mcp__';

/**
 * What the model knows a server's tool as. Names of servers and tools may hold what names of tools may not, and
 * be longer; two that would look the same then get a number.
 */
export function mcpToolNames(tools: readonly McpTool[]): ReadonlyMap<string, McpTool> {
  const names = new Map<string, McpTool>();
  for (const tool of tools) {
    const wanted = `${serverPrefix(tool.server)}${plain(tool.name)}`;
    let name = wanted.slice(0, nameCharactersMax);
    for (let number = 2; names.has(name); number++) {
      const suffix = `_${number}`;
      name = `${wanted.slice(0, nameCharactersMax - suffix.length)}${suffix}`;
    }
    names.set(name, tool);
  }
  return names;
}

/** The server and tool that a name seems to mean although no server offers it; `null`: no MCP tool at all. */
export function guessedMcpTool(
  name: string,
  servers: readonly { readonly name: string }[],
): { readonly server: string; readonly name: string } | null {
  const server = servers.find((known) => name.startsWith(serverPrefix(known.name)));
  const tool = server && name.slice(serverPrefix(server.name).length);
  return server && tool ? { server: server.name, name: tool } : null;
}

function serverPrefix(server: string): string {
  return `${prefix}${plain(server).slice(0, 64)}__`;
}

function plain(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9_-]/g, '_');
}

import type { Mcp } from '../../src/domain/mcp.ts';

/** MCP servers that nobody can reach. */
export const unreachableMcp: Mcp = {
  async connect(servers) {
    return {
      tools: [],
      errors: servers.map(({ name }) => ({
        type: 'mcp_connection_failed_error',
        mcp_server_name: name,
        message: `Could not connect to MCP server "${name}": it is out of reach.`,
        retry_status: { type: 'retrying' },
      })),
      call: () => Promise.reject(new Error('no server is connected')),
      close: async () => {},
    };
  },
};

/** MCP servers that all have one tool, which answers that it is done. */
export function mcpWith(name: string): Mcp {
  return {
    async connect(servers) {
      return {
        tools: servers.map((server) => ({
          server: server.name,
          name,
          description: '',
          inputSchema: { type: 'object' },
        })),
        errors: [],
        call: async (call) => ({ content: [{ type: 'text', text: `${call.name} done` }], isError: false }),
        close: async () => {},
      };
    },
  };
}

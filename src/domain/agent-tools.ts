import type {
  AgentTool,
  AgentToolParams,
  McpServer,
  PermissionPolicy,
  ToolConfig,
  ToolConfigParams,
} from '../protocol/agent-tools.ts';
import { builtinToolNames } from '../protocol/agent-tools.ts';
import { invalid } from '../protocol/refusal.ts';
import { toolsPerAgentMax } from './limits.ts';
import { toolPermission } from './tools/permission.ts';

/** The resolved form of a tool configuration: defaults filled in, overrides complete. Idempotent on its own result. */
export function resolveTools(tools: readonly AgentToolParams[]): AgentTool[] {
  return tools.map(resolveTool);
}

function resolveTool(tool: AgentToolParams): AgentTool {
  if (tool.type === 'custom') return tool;
  if (tool.type === 'agent_toolset_20260401') {
    const fallback = resolved(tool.default_config, {
      enabled: true,
      permission_policy: { type: 'always_allow' },
    });
    return {
      type: tool.type,
      configs: (tool.configs ?? []).map((config) => resolveConfig(config, fallback)),
      default_config: fallback,
    };
  }
  const fallback = resolved(tool.default_config, {
    enabled: true,
    permission_policy: { type: 'always_ask' },
  });
  return {
    type: tool.type,
    mcp_server_name: tool.mcp_server_name,
    configs: (tool.configs ?? []).map((config) => ({ name: config.name, ...resolved(config, fallback) })),
    default_config: fallback,
  };
}

type Switch = { enabled: boolean; permission_policy: PermissionPolicy };
type SwitchParams = {
  enabled?: boolean | null | undefined;
  permission_policy?: PermissionPolicy | null | undefined;
};

function resolved(sent: SwitchParams | null | undefined, fallback: Switch): Switch {
  return {
    enabled: sent?.enabled ?? fallback.enabled,
    permission_policy: sent?.permission_policy ?? fallback.permission_policy,
  };
}

function resolveConfig(config: ToolConfigParams, fallback: Switch): ToolConfig {
  const common = resolved(config, fallback);
  if (config.name === 'web_fetch') {
    return {
      type: 'web_fetch',
      name: 'web_fetch',
      ...common,
      url_sources: resolveUrlSources(config.url_sources),
      ...domainsOf(config),
      ...(config.max_content_tokens == null ? {} : { max_content_tokens: config.max_content_tokens }),
    };
  }
  if (config.name === 'web_search') {
    const { user_location } = config;
    return {
      type: 'web_search',
      name: 'web_search',
      ...common,
      ...domainsOf(config),
      ...(user_location ? { user_location: withoutUndefined(user_location) } : {}),
    };
  }
  // The name of a plain tool is also its type; the union loses that pairing.
  return { type: config.name, name: config.name, ...common } as ToolConfig;
}

function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const kept = Object.entries(value).filter(([, part]) => part !== undefined);
  // Only undefined members were dropped.
  return Object.fromEntries(kept) as { [K in keyof T]: Exclude<T[K], undefined> };
}

type Domains = {
  allowed_domains?: string[] | null | undefined;
  blocked_domains?: string[] | null | undefined;
};

function domainsOf(config: Domains): { allowed_domains?: string[]; blocked_domains?: string[] } {
  return {
    ...(config.allowed_domains ? { allowed_domains: config.allowed_domains } : {}),
    ...(config.blocked_domains ? { blocked_domains: config.blocked_domains } : {}),
  };
}

type FetchParams = Extract<ToolConfigParams, { name: 'web_fetch' }>;
type FetchConfig = Extract<ToolConfig, { name: 'web_fetch' }>;

function resolveUrlSources(sent: FetchParams['url_sources']): FetchConfig['url_sources'] {
  if (!sent) return null;
  const { client_tool_results, server_tool_results, user_input } = sent;
  const sources = {
    client_tool_results: longForm(client_tool_results),
    server_tool_results: longForm(server_tool_results),
    user_input: longForm(user_input),
  };
  if (Object.values(sources).every((source) => source?.type === 'none')) {
    throw invalid('url_sources: at least one source must be able to contribute URLs');
  }
  return sources;
}

function longForm<T extends { type: string }>(source: 'all' | 'none' | T | null | undefined) {
  if (source == null) return null;
  return typeof source === 'string' ? { type: source } : source;
}

export type ToolConfiguration = {
  readonly tools: readonly AgentTool[];
  readonly mcp_servers: readonly McpServer[];
  readonly skills: readonly unknown[];
};

const prefix = 'Agent has invalid configuration:';

/** Rules over the whole configuration (spec/agents.md, Tools array rules). Throws the first that is broken. */
export function checkTools({ tools, mcp_servers, skills }: ToolConfiguration): void {
  if (tools.filter((tool) => tool.type === 'agent_toolset_20260401').length > 1) {
    throw invalid(`${prefix} tools: at most one agent_toolset_20260401 is allowed`);
  }
  checkConfigNames(tools);
  checkUnique(
    tools.flatMap((tool) => (tool.type === 'custom' ? [tool.name] : [])),
    'tools: custom tool name',
  );
  checkUnique(
    mcp_servers.map((server) => server.name),
    'mcp_servers: name',
  );
  checkServers(tools, mcp_servers);
  checkUrlSourceNames(tools);
  if (toolCount(tools) > toolsPerAgentMax) {
    throw invalid(`${prefix} tools: at most ${toolsPerAgentMax} tools are allowed across all toolsets`);
  }
  if (skills.length > 0 && !toolPermission(tools, { server: null, name: 'read' }).enabled) {
    throw invalid(`${prefix} skills need the read tool of the agent toolset to be enabled`);
  }
}

function checkUnique(names: readonly string[], what: string): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw invalid(`${prefix} ${what} "${twice}" is used more than once`);
}

function checkConfigNames(tools: readonly AgentTool[]): void {
  for (const tool of tools) {
    if (tool.type !== 'custom')
      checkUnique(
        tool.configs.map(({ name }) => name),
        'tools: config for',
      );
  }
}

function checkServers(tools: readonly AgentTool[], servers: readonly McpServer[]): void {
  const toolsets = tools.flatMap((tool) => (tool.type === 'mcp_toolset' ? [tool.mcp_server_name] : []));
  checkUnique(toolsets, 'tools: mcp_toolset for server');
  const unknown = toolsets.find((name) => !servers.some((server) => server.name === name));
  if (unknown !== undefined) {
    throw invalid(`${prefix} mcp_toolset references MCP server "${unknown}", which is not in mcp_servers`);
  }
  const unused = servers.find((server) => !toolsets.includes(server.name));
  if (unused)
    throw invalid(`${prefix} MCP server "${unused.name}" is not referenced by any mcp_toolset in tools`);
}

/** Names in `url_sources` must be tools that can produce results (spec/tools.md, Web tools). */
function checkUrlSourceNames(tools: readonly AgentTool[]): void {
  const custom = tools.flatMap((tool) => (tool.type === 'custom' ? [tool.name] : []));
  for (const tool of tools) {
    if (tool.type !== 'agent_toolset_20260401') continue;
    for (const config of tool.configs) {
      if (config.name !== 'web_fetch' || config.url_sources === null) continue;
      checkReferences('client_tool_results', config.url_sources.client_tool_results, custom);
      checkReferences('server_tool_results', config.url_sources.server_tool_results, [
        'web_search',
        'web_fetch',
      ]);
    }
  }
}

type Filter = NonNullable<FetchConfig['url_sources']>['client_tool_results'];

function checkReferences(key: string, filter: Filter, allowed: readonly string[]): void {
  if (!filter || !('tools' in filter)) return;
  const names = filter.tools.map(({ name }) => name);
  checkUnique(names, `url_sources.${key}: tool`);
  const unknown = names.find((name) => !allowed.includes(name));
  if (unknown !== undefined)
    throw invalid(`url_sources.${key}: "${unknown}" is not a tool whose results can be named here`);
}

function toolCount(tools: readonly AgentTool[]): number {
  return tools.reduce((count, tool) => {
    if (tool.type === 'custom') return count + 1;
    return count + (tool.type === 'agent_toolset_20260401' ? builtinToolNames.length : tool.configs.length);
  }, 0);
}

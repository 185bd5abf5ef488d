import type { Environment } from '../../protocol/environments.ts';
import type { EventParams } from '../../protocol/event-params.ts';
import { invalid, Refusal } from '../../protocol/refusal.ts';
import type { SessionAgent } from '../../protocol/sessions.ts';
import type { ModelCatalog } from '../catalog.ts';
import { coversHost } from '../hosts.ts';
import { fileDocumentsPerCreateMax } from '../limits.ts';
import { advisorsOf, sessionMembers } from '../multiagent.ts';
import { toolPermission } from '../tools/permission.ts';
import { domainsOf, isAllowedHost, placeOf, webConfig } from '../tools/web-places.ts';

/** Rules that only the creation of a session knows. */

export function checkInitialEvents(events: readonly EventParams[]): void {
  if (events.filter((event) => event.type === 'user.define_outcome').length > 1) {
    throw invalid('initial_events: at most one user.define_outcome is allowed');
  }
  const files = events.flatMap(fileDocumentsOf).length;
  if (files > fileDocumentsPerCreateMax) {
    throw invalid(
      `initial_events: at most ${fileDocumentsPerCreateMax} documents from files are allowed, not ${files}`,
    );
  }
}

function fileDocumentsOf(event: EventParams) {
  if (event.type !== 'user.message') return [];
  return event.content.filter((block) => block.type === 'document' && block.source.type === 'file');
}

/** A limited environment must allow the hosts of the MCP servers of every agent (spec/environments.md, Networking). */
export function checkMcpHosts(agent: SessionAgent, environment: Environment): void {
  const { config } = environment;
  if (config.type !== 'cloud' || config.networking.type !== 'limited' || config.networking.allow_mcp_servers)
    return;
  const { allowed_hosts } = config.networking;
  for (const server of [agent, ...sessionMembers(agent)].flatMap((one) => one.mcp_servers)) {
    const { hostname } = new URL(server.url);
    if (!allowed_hosts.some((pattern) => coversHost(pattern, hostname))) {
      throw new Refusal(
        'invalid_request',
        `MCP server "${server.name}": host ${hostname} is not allowed by the environment's networking`,
        { runError: 'mcp_egress_blocked_error' },
      );
    }
  }
}

/**
 * A limited environment must allow whatever place the web tools of an agent are kept to (spec/tools.md, Web tools). A
 * domain of a tool covers its subdomains, a host of an environment only itself unless it begins with `*.`.
 */
export function checkWebDomains(agent: SessionAgent, { config }: Environment): void {
  for (const { tools } of [agent, ...sessionMembers(agent)]) {
    for (const name of ['web_search', 'web_fetch'] as const) {
      if (!toolPermission(tools, { server: null, name }).enabled) continue;
      const entries = domainsOf(webConfig(tools, name)).allowed ?? [];
      const outside = entries.findIndex((entry) => !isAllowedHost(placeOf(entry).host, config));
      if (outside === -1) continue;
      throw invalid(
        `${name}: allowed_domains.${outside}: "${entries[outside]}" is not allowed by the environment's networking`,
      );
    }
  }
}

/** Without a list price a budget cannot measure anything (spec/sessions.md, Budgets). */
export function checkPriced(agent: SessionAgent, catalog: ModelCatalog): void {
  const models = [agent, ...sessionMembers(agent)].map(({ model }) => model.id);
  const unpriced = [...models, ...advisorsOf(agent)].find((id) => !catalog.get(id)?.price);
  if (unpriced === undefined) return;
  throw invalid(`model_not_budgetable: model ${unpriced} has no list price`, 'model_not_budgetable');
}

import type { AgentTool, ToolConfig } from '../../protocol/agent-tools.ts';
import type { EnvironmentConfig } from '../../protocol/environments.ts';
import { coversHost } from '../hosts.ts';
import type { WebDomains } from '../web.ts';

/** Which places of the web a tool may use (spec/tools.md, Web tools). */

type WebConfig = Extract<ToolConfig, { type: 'web_search' | 'web_fetch' }>;

/** The agent's own settings of a web tool, where it has any. */
export function webConfig<Name extends WebConfig['type']>(
  tools: readonly AgentTool[],
  name: Name,
): Extract<WebConfig, { type: Name }> | undefined {
  const configs = tools.flatMap((tool) => (tool.type === 'agent_toolset_20260401' ? tool.configs : []));
  return configs.find((config): config is Extract<WebConfig, { type: Name }> => config.type === name);
}

type Lists = {
  readonly allowed_domains?: readonly string[] | undefined;
  readonly blocked_domains?: readonly string[] | undefined;
};

export function domainsOf(config: Lists | undefined): WebDomains {
  return { allowed: config?.allowed_domains ?? null, blocked: config?.blocked_domains ?? [] };
}

/** What stands against a URL in the lists of domains; `null`: nothing. Asked again at each redirect. */
export function domainProblem(url: string, { allowed, blocked }: WebDomains): string | null {
  const place = new URL(url);
  const isCovered = (entry: string) => covers(entry, place);
  if (allowed !== null && !allowed.some(isCovered))
    return `${place.hostname} is not among the allowed domains`;
  return blocked.some(isCovered) ? `${place.hostname} is among the blocked domains` : null;
}

/** A domain covers its subdomains, and a path what is below it. */
function covers(entry: string, { hostname, pathname }: URL): boolean {
  const { host, path } = placeOf(entry);
  if (hostname !== host && !hostname.endsWith(`.${host}`)) return false;
  return path === '' || pathname === path || pathname.startsWith(`${path}/`);
}

/** An entry of a list of domains in its parts; hosts are compared in lower case, paths as they are. */
export function placeOf(entry: string): { readonly host: string; readonly path: string } {
  const [host = '', ...rest] = entry.replace(/\/$/, '').split('/');
  return { host: host.toLowerCase(), path: rest.length === 0 ? '' : `/${rest.join('/')}` };
}

/** The hosts that the environment keeps web tools to; `null`: any. */
export function allowedHosts(config: EnvironmentConfig | null): readonly string[] | null {
  return config?.type === 'cloud' && config.networking.type === 'limited'
    ? config.networking.allowed_hosts
    : null;
}

export function isAllowedHost(hostname: string, config: EnvironmentConfig | null): boolean {
  const hosts = allowedHosts(config);
  return hosts === null || hosts.some((host) => coversHost(host, hostname));
}

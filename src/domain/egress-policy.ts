import type { allowReasons, failureReasons, refusalReasons } from '../protocol/egress.ts';
import type { EnvironmentConfig } from '../protocol/environments.ts';
import type { SessionAgent } from '../protocol/sessions.ts';
import { isAddress, isInNetwork, isPublicAddress } from './addresses.ts';
import { coversHost } from './hosts.ts';
import { sessionMembers } from './multiagent.ts';

/** Where the programs of a session's sandbox may connect to. Two questions: which hosts, and which addresses. */
export type EgressPolicy =
  | { readonly type: 'unrestricted' }
  | { readonly type: 'limited'; readonly allowed: readonly AllowedHosts[] };

type AllowedHosts = { readonly reason: AllowReason; readonly hosts: readonly string[] };

export type AllowReason = (typeof allowReasons)[number];
export type RefusalReason = (typeof refusalReasons)[number];
export type FailureReason = (typeof failureReasons)[number];

/** `failed`: allowed, but there was nothing to connect to. */
export type EgressVerdict =
  | { readonly result: 'allowed'; readonly reason: AllowReason }
  | { readonly result: 'refused'; readonly reason: RefusalReason }
  | { readonly result: 'failed'; readonly reason: FailureReason };

/** What the operator has to say about every sandbox. */
export type EgressSettings = {
  /** Addresses and networks that are not public and may be reached all the same. */
  readonly privateNetworks: readonly string[];
  /** Names with the address that they have for sandboxes, public or not. */
  readonly hosts: Readonly<Record<string, string>>;
  /** What `allow_package_managers` opens. */
  readonly packageHosts: readonly string[];
};

/** As far as its servers are concerned. */
export type EgressAgent = Pick<SessionAgent, 'mcp_servers' | 'multiagent'>;

/** For the sandbox of a session, or with no agent for one of none. `null`: nothing may be reached, so it needs no door. */
export function egressPolicy(
  config: EnvironmentConfig,
  agent: EgressAgent | null,
  settings: Pick<EgressSettings, 'packageHosts'>,
): EgressPolicy | null {
  if (config.type === 'self_hosted') return null;
  const { networking } = config;
  if (networking.type === 'unrestricted') return networking;
  const agents = agent === null ? [] : [agent, ...sessionMembers(agent)];
  const servers = agents.flatMap(({ mcp_servers }) => mcp_servers);
  const allowed: AllowedHosts[] = [
    { reason: 'allowed_host', hosts: networking.allowed_hosts },
    { reason: 'package_manager', hosts: networking.allow_package_managers ? settings.packageHosts : [] },
    {
      reason: 'mcp_server',
      hosts: networking.allow_mcp_servers ? servers.map(({ url }) => new URL(url).hostname) : [],
    },
  ];
  return allowed.every(({ hosts }) => hosts.length === 0) ? null : { type: 'limited', allowed };
}

/** Hosts of repositories are let through as well: not as a whole, see `repositoryPlace`. */
export function allowingRepositories(
  policy: EgressPolicy | null,
  hosts: readonly string[],
): EgressPolicy | null {
  if (hosts.length === 0 || policy?.type === 'unrestricted') return policy;
  return { type: 'limited', allowed: [...(policy?.allowed ?? []), { reason: 'repository', hosts }] };
}

/** `host` is a name, or an address in its canonical form. */
export function judgeHost(policy: EgressPolicy, host: string): EgressVerdict {
  if (policy.type === 'unrestricted') return { result: 'allowed', reason: 'unrestricted' };
  const found = policy.allowed.find(({ hosts }) => hosts.some((pattern) => coversHost(pattern, host)));
  return found
    ? { result: 'allowed', reason: found.reason }
    : { result: 'refused', reason: 'host_not_allowed' };
}

export type AddressGuard = Pick<EgressSettings, 'privateNetworks'> & {
  /** Of this machine. */
  readonly ownAddresses: readonly string[];
};

/** What stands against an address, whatever name led to it; `null`: nothing. */
export function addressProblem(address: string, guard: AddressGuard): RefusalReason | null {
  if (guard.privateNetworks.some((network) => isInNetwork(address, network))) return null;
  if (!isPublicAddress(address)) return 'private_address';
  return guard.ownAddresses.includes(address) ? 'own_address' : null;
}

/** How a host is compared: in lower case, without the dot at the end of a complete name. */
export function normalHost(host: string): string {
  return isAddress(host) ? host : host.toLowerCase().replace(/\.$/, '');
}

/** One sentence for whoever reads the refusal: what, why, and who can change it. */
export function explainVerdict(host: string, { reason }: EgressVerdict): string {
  switch (reason) {
    case 'host_not_allowed':
      return `${host} is not among the hosts that the session's environment allows (networking.allowed_hosts).`;
    case 'private_address':
      return `${host} is or leads to an address that is not public; who runs this server can exempt it in anthill.yaml.`;
    case 'own_address':
      return `${host} is or leads to an address of the machine that this server runs on.`;
    case 'host_mismatch':
      return `The request names another host than ${host}, which it was sent to.`;
    case 'name_not_found':
      return `${host} has no address.`;
    case 'unreachable':
      return `${host} could not be connected to.`;
    default:
      return `${host} is allowed.`;
  }
}

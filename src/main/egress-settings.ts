import { isAddress, isNetwork } from '../domain/addresses.ts';
import type { EgressSettings } from '../domain/egress-policy.ts';
import { packageHostsDefault } from '../domain/package-hosts.ts';
import { allowedHost } from '../protocol/environments.ts';

/**
 * `sandbox_network` of anthill.yaml: what the operator says about the network of all sandboxes. Mistakes are thrown
 * as `Mistake`, in one sentence.
 */
export function egressSettingsOf(
  file: Readonly<Record<string, unknown>>,
  Mistake: new (message: string) => Error,
): EgressSettings {
  const where = (name: string) => `sandbox_network.${name}`;

  function texts(name: string, isGood: (text: string) => boolean, wanted: string): readonly string[] {
    const value: unknown = file[name] ?? [];
    if (!Array.isArray(value)) throw new Mistake(`${where(name)}: must be a list`);
    return value.map((entry: unknown) => {
      if (typeof entry === 'string' && isGood(entry)) return entry;
      throw new Mistake(`${where(name)}: "${String(entry)}" is not ${wanted}`);
    });
  }

  function hosts(): Readonly<Record<string, string>> {
    const value: unknown = file['hosts'] ?? {};
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new Mistake(`${where('hosts')}: must be a mapping of names to addresses`);
    const entries = Object.entries(value).map(([name, address]) => {
      if (!isHost(name)) throw new Mistake(`${where('hosts')}: "${name}" is not a host name`);
      if (typeof address === 'string' && isAddress(address)) return [name.toLowerCase(), address] as const;
      throw new Mistake(`${where('hosts')}.${name}: "${String(address)}" is not an IP address`);
    });
    return Object.fromEntries(entries);
  }

  return {
    privateNetworks: texts('private_networks', isNetwork, 'an IP address, or a network like 10.0.0.0/8'),
    hosts: hosts(),
    packageHosts:
      file['package_hosts'] === undefined
        ? packageHostsDefault
        : texts('package_hosts', isHost, 'a host, or *.host'),
  };
}

function isHost(text: string): boolean {
  return allowedHost.safeParse(text).success;
}

import type { Credential } from '../protocol/credentials.ts';
import type { SessionErrorObject } from '../protocol/session-errors.ts';
import type { EgressPolicy } from './egress-policy.ts';
import { coversHost } from './hosts.ts';

/**
 * One error for each environment variable whose secret has hosts to go to that the environment keeps sandboxes from
 * (spec/vaults.md, Environment-variable credentials). The session goes on: there the placeholder stays what it is.
 */
export function unreachableCredentials(
  credentials: readonly Credential[],
  policy: EgressPolicy | null,
): readonly SessionErrorObject[] {
  return credentials.flatMap(({ id, vault_id, auth }) => {
    if (auth.type !== 'environment_variable') return [];
    const hosts = unreachableHosts(auth.networking, policy);
    if (hosts.length === 0) return [];
    return {
      type: 'credential_host_unreachable_error' as const,
      message: `The credential for ${auth.secret_name} cannot be used: the session's environment does not allow ${hosts.join(', ')}.`,
      credential_id: id,
      vault_id,
      retry_status: { type: 'terminal' as const },
    };
  });
}

type Networking = Extract<Credential['auth'], { type: 'environment_variable' }>['networking'];

function unreachableHosts(networking: Networking, policy: EgressPolicy | null): readonly string[] {
  if (networking.type === 'unrestricted') return policy === null ? ['any host'] : [];
  if (policy?.type === 'unrestricted') return [];
  const allowed = policy?.allowed.flatMap(({ hosts }) => hosts) ?? [];
  return networking.allowed_hosts.filter((host) => !allowed.some((pattern) => meet(pattern, host)));
}

/** Whether there is a host that both cover. */
function meet(one: string, other: string): boolean {
  const bare = (pattern: string) => pattern.replace(/^\*\./, 'any.');
  return coversHost(one, bare(other)) || coversHost(other, bare(one));
}

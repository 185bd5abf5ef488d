import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { silentLog } from '../../src/base/log.ts';
import type { EgressSettings, EgressVerdict } from '../../src/domain/egress-policy.ts';
import { sandboxLimits } from '../../src/domain/limits.ts';
import { packageHostsDefault } from '../../src/domain/package-hosts.ts';
import type { RepositoryTokens } from '../../src/domain/repositories.ts';
import type { Sandbox, SandboxProvider } from '../../src/domain/sandbox.ts';
import type { SandboxSecrets } from '../../src/domain/sandbox-secrets.ts';
import type { Door, Doors } from '../../src/hands/egress/doors.ts';
import { createDoors } from '../../src/hands/egress/doors.ts';
import type { EnvironmentConfig } from '../../src/protocol/environments.ts';
import type { SessionResource } from '../../src/protocol/session-resources.ts';
import { fakeClock } from './clock.ts';
import { pureSession } from './pure-session.ts';
import { bashIn, specIn } from './sandbox.ts';

type Networking = Extract<EnvironmentConfig, { type: 'cloud' }>['networking'];
export type Decision = EgressVerdict & { readonly host: string; readonly port: number };

export type EgressOptions = {
  readonly networking?: Networking;
  readonly settings?: Partial<EgressSettings>;
  readonly secrets?: SandboxSecrets;
  readonly names?: Readonly<Record<string, () => readonly string[]>>;
  readonly trusted?: readonly string[];
  readonly mcpServers?: readonly string[];
  readonly resources?: readonly SessionResource[];
  readonly repositoryTokens?: RepositoryTokens;
};

/** A sandbox with a door, and what was decided at it. */
export type Reached = {
  readonly sandbox: Sandbox;
  readonly door: Door;
  readonly decisions: Decision[];
  /** Of the host. */
  readonly workspace: string;
  readonly bash: (script: string) => Promise<string>;
  [Symbol.asyncDispose](): Promise<void>;
};

export const noSecrets: SandboxSecrets = { variables: async () => [], forHost: async () => [] };

const noRepositoryTokens: RepositoryTokens = {
  tokenOf: async () => null,
  placeholderOf: () => 'anthill_ph_0',
};

export function limited(...hosts: string[]): Networking {
  return { type: 'limited', allowed_hosts: hosts, allow_mcp_servers: false, allow_package_managers: false };
}

let made = 0;

/** Doors below `place`. Names that are not given have no address. */
export function openDoors(place: string, options: EgressOptions = {}, decisions: Decision[] = []): Doors {
  const { networking = { type: 'unrestricted' }, names = {} } = options;
  const packages = { apt: [], cargo: [], gem: [], go: [], npm: [], pip: [] };
  const servers = (options.mcpServers ?? []).map((url, index) => ({
    type: 'url' as const,
    name: `server-${index}`,
    url,
  }));
  const state = pureSession().state();
  return createDoors({
    directory: join(place, 'doors'),
    settings: {
      privateNetworks: [],
      hosts: {},
      packageHosts: packageHostsDefault,
      ...options.settings,
    },
    stateOf: async () => ({
      ...state,
      resources: options.resources ?? [],
      agent: { ...state.agent, mcp_servers: servers },
    }),
    configOf: async () => ({ type: 'cloud', networking, packages }),
    secrets: options.secrets ?? noSecrets,
    repositoryTokens: options.repositoryTokens ?? noRepositoryTokens,
    recorder: {
      record: (_, decision) => void decisions.push(decision),
      flush: async () => {},
    },
    clock: fakeClock(Date.now() * 1000),
    log: silentLog,
    resolve: async (name) => names[name]?.() ?? [],
    ...(options.trusted ? { trusted: options.trusted } : {}),
  });
}

/** A sandbox with a door of its own below `directory`. */
export async function openEgress(
  provider: SandboxProvider,
  directory: string,
  options: EgressOptions = {},
): Promise<Reached> {
  made += 1;
  const place = join(directory, `egress-${made}`);
  mkdirSync(place, { mode: 0o700 });
  const decisions: Decision[] = [];
  const doors = openDoors(place, options, decisions);
  const { close, ...way } = await doors.open('sesn_1');
  const spec = specIn(place, 'session', sandboxLimits);
  const sandbox = await provider.provision(
    { ...spec, ...way, mounts: [...spec.mounts, ...way.mounts] },
    AbortSignal.timeout(20_000),
  );
  return {
    sandbox,
    door: { close, ...way },
    decisions,
    workspace: spec.mounts[0]?.host ?? '',
    bash: (script) => bashIn(sandbox, script),
    async [Symbol.asyncDispose]() {
      await sandbox.destroy();
      await close();
      await doors.close();
    },
  };
}

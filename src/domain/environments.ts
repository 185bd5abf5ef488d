import { formatUs } from '../base/timestamp.ts';
import type {
  Environment,
  EnvironmentConfig,
  EnvironmentConfigParams,
  EnvironmentCreate,
  EnvironmentUpdate,
} from '../protocol/environments.ts';
import { packageManagers } from '../protocol/environments.ts';
import { invalid, Refusal } from '../protocol/refusal.ts';
import { mergeMetadata } from './metadata.ts';

type CloudConfig = Extract<EnvironmentConfig, { type: 'cloud' }>;
type CloudParams = Extract<EnvironmentConfigParams, { type: 'cloud' }>;

export function createEnvironment(params: EnvironmentCreate, id: string, nowUs: number): Environment {
  const at = formatUs(nowUs);
  return {
    id,
    type: 'environment',
    name: params.name,
    description: params.description ?? '',
    config: resolveConfig(params.config ?? { type: 'cloud' }, null),
    metadata: params.metadata ?? {},
    scope: 'organization',
    created_at: at,
    updated_at: at,
    archived_at: null,
  };
}

/** Absent keeps; `networking` and `packages` are replaced each as a whole. The same object when nothing changed. */
export function updateEnvironment(
  current: Environment,
  params: EnvironmentUpdate,
  nowUs: number,
): Environment {
  if (current.archived_at !== null) throw archivedEnvironment(current.id);
  if (params.config && params.config.type !== current.config.type) {
    throw invalid('config.type cannot be changed after creation', 'invalid_config_type_change');
  }
  const changed: Environment = {
    ...current,
    name: params.name ?? current.name,
    description: params.description === undefined ? current.description : (params.description ?? ''),
    config: params.config ? resolveConfig(params.config, current.config) : current.config,
    metadata: { ...mergeMetadata(current.metadata, params.metadata, { emptyDeletes: true }) },
  };
  if (JSON.stringify(changed) === JSON.stringify(current)) return current;
  return { ...changed, updated_at: formatUs(nowUs) };
}

export function archiveEnvironment(current: Environment, nowUs: number): Environment {
  if (current.archived_at !== null) return current;
  const at = formatUs(nowUs);
  return { ...current, archived_at: at, updated_at: at };
}

function resolveConfig(params: EnvironmentConfigParams, stored: EnvironmentConfig | null): EnvironmentConfig {
  if (params.type === 'self_hosted') return { type: 'self_hosted' };
  const before = stored?.type === 'cloud' ? stored : null;
  const config: CloudConfig = {
    type: 'cloud',
    networking: params.networking
      ? resolveNetworking(params.networking)
      : (before?.networking ?? { type: 'unrestricted' }),
    packages: params.packages ? resolvePackages(params.packages) : (before?.packages ?? resolvePackages({})),
  };
  checkPackages(config);
  return config;
}

function resolveNetworking(params: NonNullable<CloudParams['networking']>): CloudConfig['networking'] {
  if (params.type === 'unrestricted') return { type: 'unrestricted' };
  return {
    type: 'limited',
    allowed_hosts: params.allowed_hosts ?? [],
    allow_mcp_servers: params.allow_mcp_servers ?? false,
    allow_package_managers: params.allow_package_managers ?? false,
  };
}

function resolvePackages(params: NonNullable<CloudParams['packages']>): CloudConfig['packages'] {
  const { apt, cargo, gem, go, npm, pip } = params;
  return {
    type: 'packages',
    apt: apt ?? [],
    cargo: cargo ?? [],
    gem: gem ?? [],
    go: go ?? [],
    npm: npm ?? [],
    pip: pip ?? [],
  };
}

/** Limited networking cannot install packages without the registries (spec/environments.md, Networking). */
function checkPackages({ networking, packages }: CloudConfig): void {
  for (const manager of packageManagers) {
    const option = packages[manager].find((name) => name.startsWith('-'));
    if (option !== undefined)
      throw invalid(`config.packages.${manager}: "${option}" is an option, not a package`);
  }
  const some = packageManagers.some((manager) => packages[manager].length > 0);
  if (some && networking.type === 'limited' && !networking.allow_package_managers) {
    throw invalid(
      'config.packages: limited networking needs networking.allow_package_managers to install packages',
    );
  }
}

export function absentEnvironment(id: string): Refusal {
  return new Refusal('not_found', `Environment ${id} not found.`, {
    errorCode: 'environment_not_found',
    runError: 'environment_not_found_error',
  });
}

export function archivedEnvironment(id: string): Refusal {
  return new Refusal('invalid_request', `Environment ${id} is archived.`, {
    errorCode: 'environment_archived',
    runError: 'environment_archived_error',
  });
}

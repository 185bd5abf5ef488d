import { homedir, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { EgressSettings } from '../domain/egress-policy.ts';
import { workerSessionsDefault } from '../domain/limits.ts';
import type { EnvironmentConfig } from '../protocol/environments.ts';
import { allowedHost } from '../protocol/environments.ts';
import { ConfigMistake, readEgressSettings } from './config.ts';
import type { World } from './world.ts';

type Networking = Extract<EnvironmentConfig, { type: 'cloud' }>['networking'];

export type WorkerConfig = {
  readonly baseUrl: string;
  readonly environmentId: string;
  readonly environmentKey: string;
  readonly dataDir: string;
  /** Sessions served at once. */
  readonly sessions: number;
  /** How the worker calls itself. */
  readonly name: string;
  readonly logLevel: string;
  /** Where programs in sandboxes may connect to; null: nowhere. */
  readonly networking: Networking | null;
  /** `sandbox_network` of anthill.yaml. */
  readonly egress: EgressSettings;
};

/** Flags win over the environment. Mistakes are said in one sentence. */
export function readWorkerConfig(args: readonly string[], env: World['env'], cwd: string): WorkerConfig {
  const { values } = parsed(args);
  const baseUrl = values['base-url'] ?? (env['ANTHROPIC_BASE_URL'] || 'http://127.0.0.1:4141');
  if (!/^https?:\/\//.test(baseUrl) || !URL.canParse(baseUrl))
    throw new ConfigMistake(`--base-url: "${baseUrl}" is not a URL; it begins with http:// or https://`);
  const sessions = Number(values.sessions ?? workerSessionsDefault);
  if (!Number.isInteger(sessions) || sessions < 1)
    throw new ConfigMistake('--sessions: must be a whole number, at least 1');
  const dataDir = resolve(
    cwd,
    values.data ?? (env['ANTHILL_WORKER_DATA'] || join(homedir(), '.anthill-worker')),
  );
  const named = values.config ?? (env['ANTHILL_CONFIG'] || undefined);
  return {
    baseUrl: baseUrl.replace(/\/+$/, ''),
    environmentId: required(values['environment-id'], env, 'ANTHROPIC_ENVIRONMENT_ID', '--environment-id'),
    environmentKey: required(undefined, env, 'ANTHROPIC_ENVIRONMENT_KEY', null),
    dataDir,
    sessions,
    name: values.name ?? hostname(),
    logLevel: env['ANTHILL_LOG_LEVEL'] || 'info',
    networking: networkingOf(values),
    egress: readEgressSettings(named === undefined ? undefined : resolve(cwd, named), [
      join(cwd, 'anthill.yaml'),
      join(dataDir, 'anthill.yaml'),
    ]),
  };
}

type NetworkFlags = {
  readonly network?: string | undefined;
  readonly 'allow-host'?: readonly string[] | undefined;
  readonly 'allow-package-managers'?: boolean | undefined;
};

function networkingOf(flags: NetworkFlags): Networking | null {
  const hosts = flags['allow-host'] ?? [];
  const allow_package_managers = flags['allow-package-managers'] ?? false;
  const isLimited = hosts.length > 0 || allow_package_managers;
  const network = flags.network ?? (isLimited ? 'limited' : 'unrestricted');
  const wrong = hosts.find((host) => !allowedHost.safeParse(host).success);
  if (wrong !== undefined) throw new ConfigMistake(`--allow-host: "${wrong}" is not a host, or *.host`);
  if (network === 'limited')
    return { type: 'limited', allowed_hosts: [...hosts], allow_mcp_servers: false, allow_package_managers };
  if (network !== 'unrestricted' && network !== 'none')
    throw new ConfigMistake(`--network: "${network}" is none of unrestricted, limited, none`);
  if (isLimited)
    throw new ConfigMistake(
      `--network ${network}: --allow-host and --allow-package-managers are for limited only`,
    );
  return network === 'none' ? null : { type: 'unrestricted' };
}

function required(
  flag: string | undefined,
  env: World['env'],
  ...[variable, name]: [string, string | null]
): string {
  const value = flag ?? (env[variable] || undefined);
  if (value !== undefined) return value;
  throw new ConfigMistake(
    name === null ? `${variable} must be set` : `${name} is required, as a flag or in ${variable}`,
  );
}

function parsed(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const options = {
    'base-url': text,
    'environment-id': text,
    data: text,
    config: text,
    sessions: text,
    name: text,
    network: text,
    'allow-host': { type: 'string', multiple: true },
    'allow-package-managers': { type: 'boolean' },
  } as const;
  try {
    return parseArgs({ args: [...args], options, allowPositionals: false });
  } catch (cause) {
    throw new ConfigMistake(cause instanceof Error ? cause.message : String(cause));
  }
}

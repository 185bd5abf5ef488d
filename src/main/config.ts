import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { parseYaml } from '../base/yaml.ts';
import { profileNames } from '../brain/models/profile.ts';
import type { ModelSettings } from '../domain/catalog.ts';
import type { EgressSettings } from '../domain/egress-policy.ts';
import { filesQuotaBytesDefault, leaseMsDefault, leaseSecondsRange } from '../domain/limits.ts';
import type { RateLimit, RateLimits } from '../domain/rate-limits.ts';
import type { RetentionSettings } from '../domain/retention.ts';
import type { ProviderTool } from '../domain/tools/provider-tools.ts';
import { providerToolNames } from '../domain/tools/provider-tools.ts';
import type { WebhookUrlPolicy } from '../domain/webhook-urls.ts';
import type { RootfsSettings } from '../hands/images/images.ts';
import type { SearchSettings } from '../hands/web/search.ts';
import { isLoopbackHost } from '../http/same-origin.ts';
import { repositoryUrlOf } from '../protocol/session-resources.ts';
import { parseMasterKey } from '../vault/master-key.ts';
import { diskQuotaOf } from './disk-settings.ts';
import { egressSettingsOf } from './egress-settings.ts';
import { modelSettingsOf } from './model-settings.ts';
import { retentionNames, retentionSettingsOf } from './retention-settings.ts';
import type { Roles } from './roles.ts';
import { rolesOf } from './roles.ts';
import { packageVariablesOf, rootfsSettingsOf } from './rootfs-settings.ts';
import type { SandboxSettings } from './sandbox-settings.ts';
import { sandboxSettingsOf } from './sandbox-settings.ts';
import { searchSettingsOf } from './search-settings.ts';

/** Everything the process is told from outside. Read once, here; nobody else looks at the environment. */
export type Config = {
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  readonly logLevel: string;
  /** PostgreSQL, for several servers; null: SQLite in the data directory. */
  readonly database: DatabaseSettings | null;
  /** Where the content of files is, for all servers on one database; null: in the database, and with SQLite below the data directory. */
  readonly filesDir: string | null;
  /** After that long, others take over what a server that hangs was working on. */
  readonly leaseMs: number;
  /** Presets the first API key. */
  readonly apiKey: string | null;
  /** Seals the secrets of credentials; null: the one kept in the data directory. */
  readonly masterKey: Uint8Array | null;
  readonly upstream: Upstream | null;
  /** Where `scripted/<name>` finds `<name>.yaml`. */
  readonly scenariosDir: string;
  /** Models beyond the catalogue that the upstream serves, and prices and sizes of those in it. */
  readonly models: readonly ModelSettings[];
  /** Judges tool calls whose policy is `auto`; null: a small model of the upstream. */
  readonly judgeModel: string | null;
  /** What the uploads of the organization may take, in bytes. */
  readonly filesQuotaBytes: number;
  /** Requests need no key. Only where nobody but this machine can send any. */
  readonly noAuth: boolean;
  readonly rateLimits: RateLimits;
  readonly webhookUrls: WebhookUrlPolicy;
  readonly egress: EgressSettings;
  readonly metrics: Metrics;
  /** What `web_search` searches with; null: nothing. */
  readonly webSearch: SearchSettings | null;
  /** What the agent of one session may keep on disk. */
  readonly diskQuotaBytes: number;
  readonly sandbox: SandboxSettings;
  /** Where repositories may come from besides github.com. */
  readonly repositoryHosts: readonly string[];
  readonly rootfs: RootfsSettings;
  readonly retention: RetentionSettings;
  /** For package managers while they install what environments ask for. */
  readonly packageVariables: Readonly<Record<string, string>>;
  readonly roles: Roles;
  /** Told to stop, the server says so at /health for this long before it stops listening. */
  readonly drainNoticeMs: number;
  /** Where programs of this machine are looked for: the `PATH`. */
  readonly programs: string;
};

/** `isOpen`: whoever reaches the server reads the metrics; otherwise a key with admin rights is needed. `isExported`: the standard `OTEL_*` variables say where to. */
export type Metrics = { readonly isOpen: boolean; readonly isExported: boolean };
/** `directUrl` leads past a pooler, to a connection that stays. */
export type DatabaseSettings = { readonly url: string; readonly directUrl: string };

export type Upstream = {
  readonly baseUrl: string;
  readonly apiKey: string | null;
  readonly profile: string;
  /** Web tools that it runs itself, in the middle of a reply. */
  readonly serverTools: readonly ProviderTool[];
};

export const defaultPort = 4141;
const anthropicBaseUrl = 'https://api.anthropic.com';

/** A mistake in flags, environment or `anthill.yaml`: said in one sentence, exit 2. */
export class ConfigMistake extends Error {}

type Environment = Readonly<Record<string, string | undefined>>;

/** Flags win over the environment, the environment over `anthill.yaml`, that over defaults. Empty is unset. */
export function readConfig(args: readonly string[], env: Environment, cwd: string): Config {
  const flags = parseFlags(args);
  const dataDir = resolve(cwd, flags.data ?? (env['ANTHILL_DATA'] || join(homedir(), '.anthill')));
  const named = flags.config ?? (env['ANTHILL_CONFIG'] || undefined);
  const file = readFile(named === undefined ? undefined : resolve(cwd, named), [
    join(cwd, 'anthill.yaml'),
    join(dataDir, 'anthill.yaml'),
  ]);
  const host = flags.host ?? (env['ANTHILL_HOST'] || text(file, 'host') || '127.0.0.1');
  const database = databaseOf(env, section(file, 'database'));
  if (flags['no-auth'] && !isLoopbackHost(host)) {
    throw new ConfigMistake(
      `--no-auth lets in whoever reaches the server, and ${host} can be reached from other machines; leave out --no-auth, or listen on 127.0.0.1`,
    );
  }
  return {
    host,
    port: portOf(flags.port ?? (env['ANTHILL_PORT'] || text(file, 'port'))),
    dataDir,
    database,
    filesDir: filesDirOf(env['ANTHILL_FILES'] || text(section(file, 'files'), 'directory'), cwd),
    leaseMs: leaseMsOf(env['ANTHILL_LEASE_SECONDS'] || text(section(file, 'database'), 'lease_seconds')),
    logLevel: logLevelOf(env['ANTHILL_LOG_LEVEL'] || text(file, 'log_level') || 'info'),
    apiKey: env['ANTHILL_API_KEY'] || null,
    masterKey: masterKeyOf(env, 'ANTHILL_MASTER_KEY'),
    upstream: upstreamOf(env, section(file, 'upstream')),
    scenariosDir: resolve(
      cwd,
      flags.scenarios ?? (env['ANTHILL_SCENARIOS'] || text(file, 'scenarios') || join(dataDir, 'scenarios')),
    ),
    judgeModel: env['ANTHILL_JUDGE_MODEL'] || text(file, 'judge_model') || null,
    filesQuotaBytes: bytesOf(section(file, 'files')['quota_bytes']) ?? filesQuotaBytesDefault,
    models: modelSettingsOf(file['models'], ConfigMistake),
    noAuth: flags['no-auth'] ?? false,
    rateLimits: rateLimitsOf(section(file, 'rate_limits')),
    webhookUrls: webhookUrlsOf(section(file, 'webhooks')),
    egress: egressSettingsOf(section(file, 'sandbox_network'), ConfigMistake),
    metrics: metricsOf(env, section(file, 'metrics')),
    webSearch: searchSettingsOf(env, section(file, 'web_search'), ConfigMistake),
    diskQuotaBytes: diskQuotaOf(section(file, 'sandbox')['disk_quota_bytes'], ConfigMistake),
    sandbox: sandboxSettingsOf(section(file, 'sandbox'), env, ConfigMistake),
    repositoryHosts: repositoryHostsOf(section(file, 'repositories')),
    rootfs: rootfsSettingsOf(section(file, 'rootfs'), cwd, ConfigMistake),
    retention: retentionSettingsOf(section(file, 'retention'), ConfigMistake),
    packageVariables: packageVariablesOf(section(file, 'packages'), ConfigMistake),
    roles: rolesOf(flags.roles ?? (env['ANTHILL_ROLES'] || file['roles']), database !== null, ConfigMistake),
    drainNoticeMs: drainNoticeOf(env['ANTHILL_DRAIN_NOTICE_SECONDS'] || text(file, 'drain_notice_seconds')),
    programs: env['PATH'] ?? '',
  };
}

function filesDirOf(path: string | undefined, cwd: string): string | null {
  return path === undefined ? null : resolve(cwd, path);
}

/** What the operator says about the network of sandboxes, for who reads nothing else of the file. */
export function readEgressSettings(named: string | undefined, candidates: readonly string[]): EgressSettings {
  return egressSettingsOf(section(readFile(named, candidates), 'sandbox_network'), ConfigMistake);
}

function parseFlags(args: readonly string[]) {
  const string = { type: 'string' } as const;
  try {
    const options = {
      port: string,
      host: string,
      data: string,
      config: string,
      scenarios: string,
      roles: string,
      'no-auth': { type: 'boolean' },
    } as const;
    return parseArgs({ args: [...args], options, strict: true }).values;
  } catch (cause) {
    throw new ConfigMistake(cause instanceof Error ? cause.message : String(cause));
  }
}

function portOf(value: string | undefined): number {
  if (value === undefined) return defaultPort;
  const port = /^\d{1,5}$/.test(value) ? Number(value) : Number.NaN;
  if (Number.isNaN(port) || port > 65_535) throw new ConfigMistake(`port: "${value}" is not a port`);
  return port;
}

function drainNoticeOf(value = '0'): number {
  const seconds = /^\d{1,3}$/.test(value) ? Number(value) : Number.NaN;
  if (seconds <= 300) return seconds * 1000;
  throw new ConfigMistake(`drain_notice_seconds: "${value}" is not a number of seconds from 0 to 300`);
}

/** The key in a variable, null when that is not set. Never repeated in what is said about it. */
export function masterKeyOf(env: Environment, name: string): Uint8Array | null {
  const text = env[name] || null;
  if (text === null) return null;
  const key = parseMasterKey(text);
  if (key) return key;
  throw new ConfigMistake(`${name}: must be 32 bytes as base64; \`openssl rand -base64 32\` makes one`);
}

function bytesOf(value: unknown): number | null {
  if (value === undefined) return null;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new ConfigMistake(`files quota_bytes: "${String(value)}" is not a number of bytes`);
}

function databaseOf(env: Environment, file: Section): DatabaseSettings | null {
  const url = env['DATABASE_URL'] || text(file, 'url') || null;
  if (url === null) return null;
  const directUrl = env['DATABASE_DIRECT_URL'] || text(file, 'direct_url') || url;
  // The URL holds a password: it is not repeated.
  for (const [name, value] of Object.entries({ DATABASE_URL: url, DATABASE_DIRECT_URL: directUrl }))
    if (!/^postgres(ql)?:\/\//.test(value) || !URL.canParse(value))
      throw new ConfigMistake(`${name}: must be a URL like postgres://user:password@host:5432/anthill`);
  return { url, directUrl };
}

function leaseMsOf(value: string | undefined): number {
  if (value === undefined) return leaseMsDefault;
  const { from, to } = leaseSecondsRange;
  const seconds = /^\d+$/.test(value) ? Number(value) : 0;
  if (seconds >= from && seconds <= to) return seconds * 1000;
  throw new ConfigMistake(`database.lease_seconds: "${value}" is not a number of seconds, ${from} to ${to}`);
}

const logLevels: readonly string[] = ['debug', 'info', 'warn', 'error', 'silent'];

function logLevelOf(level: string): string {
  if (logLevels.includes(level)) return level;
  throw new ConfigMistake(`log_level: "${level}" is none of ${logLevels.join(', ')}`);
}

/**
 * Where models are asked. `ANTHROPIC_API_KEY` is a key for Anthropic: it goes nowhere else, and
 * `ANTHROPIC_BASE_URL`, which leads clients to this server, is not looked at.
 */
function upstreamOf(env: Environment, file: Section): Upstream | null {
  const configured = env['ANTHILL_UPSTREAM_BASE_URL'] || text(file, 'base_url') || null;
  const baseUrl = configured ?? anthropicBaseUrl;
  if (!/^https?:\/\//.test(baseUrl) || !URL.canParse(baseUrl))
    throw new ConfigMistake(`upstream base_url: "${baseUrl}" is not an http or https URL`);
  const isAnthropic = /(^|\.)anthropic\.com$/.test(new URL(baseUrl).hostname);
  const anthropicKey = isAnthropic ? env['ANTHROPIC_API_KEY'] : undefined;
  const apiKey = env['ANTHILL_UPSTREAM_API_KEY'] || anthropicKey || text(file, 'api_key') || null;
  if (apiKey === null && configured === null) return null;
  const fallback = isAnthropic ? 'anthropic' : 'generic';
  const profile = env['ANTHILL_UPSTREAM_PROFILE'] || text(file, 'profile') || fallback;
  if (!profileNames.includes(profile))
    throw new ConfigMistake(`upstream profile: "${profile}" is none of ${profileNames.join(', ')}`);
  return { baseUrl, apiKey, profile, serverTools: serverToolsOf(file['server_tools'] ?? []) };
}

function serverToolsOf(value: unknown): readonly ProviderTool[] {
  if (!Array.isArray(value)) throw new ConfigMistake('upstream server_tools: must be a list');
  return value.map((sent: unknown) => {
    const known = providerToolNames.find((name) => name === sent);
    if (known) return known;
    throw new ConfigMistake(
      `upstream server_tools: "${String(sent)}" is none of ${providerToolNames.join(', ')}`,
    );
  });
}

/** Off unless configured: who runs the server for themselves has nobody to share it with. */
function rateLimitsOf(file: Section): RateLimits {
  const keys = Object.keys(section(file, 'keys')).map((id) => {
    const where = `rate_limits.keys.${id}`;
    const own = section(section(file, 'keys'), id);
    refuseUnknown(where, own, ['create_per_minute', 'read_per_minute']);
    return [id, rateLimitOf(own, where)] as const;
  });
  return { ...rateLimitOf(file, 'rate_limits'), keys: Object.fromEntries(keys) };
}

function rateLimitOf(file: Section, where: string): RateLimit {
  const perMinute = (name: string): number | null => {
    const value = file[name];
    if (value === undefined || value === null) return null;
    if (typeof value === 'number' && Number.isInteger(value) && value >= 1) return value;
    throw new ConfigMistake(`${where}.${name}: must be a number of requests, 1 or more`);
  };
  return { createPerMinute: perMinute('create_per_minute'), readPerMinute: perMinute('read_per_minute') };
}

function webhookUrlsOf(file: Section): WebhookUrlPolicy {
  const value = file['allow_private_urls'] ?? false;
  if (typeof value === 'boolean') return value ? 'any' : 'public';
  throw new ConfigMistake('webhooks.allow_private_urls: must be true or false');
}

/** Any of these says that somebody collects; the exporter itself reads these and all others of its kind. */
const exportVariables = [
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
  'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT',
  'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT',
  'OTEL_TRACES_EXPORTER',
  'OTEL_METRICS_EXPORTER',
  'OTEL_LOGS_EXPORTER',
];

function metricsOf(env: Environment, file: Section): Metrics {
  const isOpen = file['open'] ?? false;
  if (typeof isOpen !== 'boolean') throw new ConfigMistake('metrics.open: must be true or false');
  const isDisabled = env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true';
  return { isOpen, isExported: !isDisabled && exportVariables.some((name) => env[name]) };
}

function repositoryHostsOf(file: Section): readonly string[] {
  const value = file['hosts'] ?? [];
  if (!Array.isArray(value)) throw new ConfigMistake('repositories.hosts: must be a list');
  return value.map((host: unknown) => {
    if (typeof host === 'string' && repositoryUrlOf(`https://${host}/owner/repo`)?.host === host) return host;
    throw new ConfigMistake(
      `repositories.hosts: "${String(host)}" is not a host in lower case, like git.example.com or git.example.com:8443`,
    );
  });
}

const settings = [
  'host',
  'port',
  'log_level',
  'upstream',
  'scenarios',
  'models',
  'judge_model',
  'database',
  'files',
  'rate_limits',
  'webhooks',
  'sandbox',
  'sandbox_network',
  'metrics',
  'web_search',
  'repositories',
  'rootfs',
  'packages',
  'retention',
  'roles',
  'drain_notice_seconds',
];
const sections: Readonly<Record<string, readonly string[]>> = {
  upstream: ['base_url', 'api_key', 'profile', 'server_tools'],
  database: ['url', 'direct_url', 'lease_seconds'],
  files: ['quota_bytes', 'directory'],
  rate_limits: ['create_per_minute', 'read_per_minute', 'keys'],
  webhooks: ['allow_private_urls'],
  metrics: ['open'],
  sandbox: ['provider', 'socket', 'image', 'runtime', 'disk_quota_bytes'],
  sandbox_network: ['private_networks', 'hosts', 'package_hosts'],
  web_search: ['backend', 'url', 'api_key', 'results'],
  repositories: ['hosts'],
  rootfs: ['type', 'image', 'mirror', 'suite', 'include'],
  packages: ['variables'],
  retention: retentionNames,
};

type Section = Readonly<Record<string, unknown>>;

function readFile(named: string | undefined, candidates: readonly string[]): Section {
  const path = named ?? candidates.find((candidate) => existsSync(candidate));
  if (path === undefined) return {};
  if (!existsSync(path)) throw new ConfigMistake(`configuration file ${path} does not exist`);
  const file = record(parsed(path)) ?? {};
  refuseUnknown(path, file, settings);
  for (const [name, known] of Object.entries(sections))
    refuseUnknown(`${path}: ${name}`, section(file, name), known);
  return file;
}

function parsed(path: string): unknown {
  try {
    return parseYaml(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new ConfigMistake(`${path}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

/** A typo must not become a default. */
function refuseUnknown(where: string, section: Section, known: readonly string[]): void {
  const unknown = Object.keys(section).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new ConfigMistake(`${where}: unknown setting "${unknown}"; known are ${known.join(', ')}`);
}

function record(value: unknown): Section | null {
  // A YAML mapping; arrays and scalars are not.
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Section) : null;
}

function section(file: Section, name: string): Section {
  return record(file[name]) ?? {};
}

function text(file: Section, name: string): string | undefined {
  const value = file[name];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

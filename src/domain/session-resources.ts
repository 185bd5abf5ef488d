import { assert, unreachable } from '../base/assert.ts';
import type { NewId } from '../base/ids.ts';
import { formatUs } from '../base/timestamp.ts';
import type { AgentTool } from '../protocol/agent-tools.ts';
import type { Environment } from '../protocol/environments.ts';
import type { MemoryStore } from '../protocol/memory-stores.ts';
import { invalid, Refusal } from '../protocol/refusal.ts';
import type {
  FileResource,
  ParamsOf,
  SessionResource,
  SessionResourceParams,
} from '../protocol/session-resources.ts';
import { githubHost, repositoryUrlOf, repositoryUrlRule } from '../protocol/session-resources.ts';
import { filesPerSessionMax, memoryStoresPerSessionMax } from './limits.ts';
import { checkApart, filePath, memoryPath, repositoryPath } from './mount-paths.ts';
import { toolPermission } from './tools/permission.ts';

/** What the rules ask about the session: where it runs and what its agent can do. */
export type ResourceSetting = {
  readonly environment: EnvironmentType;
  readonly tools: readonly AgentTool[];
  /** Where repositories may come from besides github.com, each with its port where that is not 443. */
  readonly repositoryHosts: readonly string[];
};
type EnvironmentType = Environment['config']['type'];

/**
 * What can be said about the `resources` of a session, or of the sessions of a deployment, without looking
 * anything up (spec/sessions.md, Resources). Throws the first rule that is broken.
 */
export function checkResources(resources: readonly SessionResourceParams[], setting: ResourceSetting): void {
  for (const [index, resource] of resources.entries()) {
    const field = `resources[${index}]`;
    checkPlace(resource, setting.environment, field);
    if (resource.type === 'file') checkReadable(setting.tools, field);
    if (resource.type === 'github_repository') checkHost(resource.url, setting.repositoryHosts, field);
  }
  checkFileCount(resources.filter(({ type }) => type === 'file').length);
  checkStores(resources.filter((resource) => resource.type === 'memory_store'));
  const mounts = resources.map((resource, index) => ({
    path: askedPath(resource, `resources[${index}].mount_path`),
    field: `resources[${index}]`,
  }));
  checkApart(mounts.flatMap(({ path, field }) => (path === null ? [] : [{ path, field }])));
}

/** What a worker's machine has is its owner's; only memory is brought there. */
function checkPlace(resource: SessionResourceParams, environment: EnvironmentType, field: string): void {
  if (environment !== 'self_hosted' || resource.type === 'memory_store') return;
  throw new Refusal(
    'invalid_request',
    `${field}: ${resource.type} resources are not supported in a self_hosted environment; only memory_store is`,
    { runError: 'self_hosted_resources_unsupported_error' },
  );
}

function checkHost(url: string, hosts: readonly string[], field: string): void {
  const host = repositoryUrlOf(url)?.host ?? '';
  if (host === githubHost || hosts.includes(host)) return;
  throw invalid(`${field}.url: ${repositoryUrlRule}`);
}

/** A file that no tool can read is of no use. */
export function checkReadable(tools: readonly AgentTool[], field: string): void {
  if (toolPermission(tools, { server: null, name: 'read' }).enabled) return;
  throw invalid(`${field}: files need the read tool of the agent toolset to be enabled`);
}

export function checkFileCount(count: number): void {
  if (count > filesPerSessionMax) throw invalid(`resources: at most ${filesPerSessionMax} files are allowed`);
}

function checkStores(stores: readonly ParamsOf<'memory_store'>[]): void {
  if (stores.length > memoryStoresPerSessionMax) {
    throw invalid(`resources: at most ${memoryStoresPerSessionMax} memory stores are allowed`);
  }
  const ids = stores.map((store) => store.memory_store_id);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) throw invalid(`resources: memory store ${twice} is attached more than once`);
}

/** `null`: the place of a memory store follows from its name. */
function askedPath(resource: SessionResourceParams, field: string): string | null {
  if (resource.type === 'memory_store') return null;
  return resource.type === 'file' ? filePath(resource, field) : repositoryPath(resource, field);
}

export type ResourceParts = {
  readonly newId: NewId;
  readonly nowUs: number;
  /** Every store that the resources name, checked. */
  readonly stores: ReadonlyMap<string, MemoryStore>;
};

/** The resources of a new session, in the order of parameters that `checkResources` let pass. */
export function createResources(
  params: readonly SessionResourceParams[],
  parts: ResourceParts,
): readonly SessionResource[] {
  const resources: SessionResource[] = [];
  for (const one of params) resources.push(resourceOf(one, parts, resources));
  return resources;
}

function resourceOf(
  params: SessionResourceParams,
  parts: ResourceParts,
  earlier: readonly SessionResource[],
): SessionResource {
  switch (params.type) {
    case 'file':
      return attachedFile(params, parts);
    case 'github_repository':
      return attachedRepository(params, parts);
    case 'memory_store':
      return attachedStore(params, parts, earlier);
    default:
      return unreachable(params);
  }
}

/** `file_id` is that of a copy of its own, which stays whatever becomes of the upload. */
export function attachedFile(
  params: ParamsOf<'file'>,
  { newId, nowUs }: Omit<ResourceParts, 'stores'>,
): FileResource {
  const at = formatUs(nowUs);
  return {
    id: newId('sesrsc'),
    type: 'file',
    file_id: newId('file'),
    mount_path: filePath(params),
    created_at: at,
    updated_at: at,
  };
}

/** Its token is not part of it, see `SealedTokens`. */
function attachedRepository(
  params: ParamsOf<'github_repository'>,
  { newId, nowUs }: ResourceParts,
): SessionResource {
  const at = formatUs(nowUs);
  return {
    id: newId('sesrsc'),
    type: 'github_repository',
    url: params.url,
    mount_path: repositoryPath(params),
    checkout: params.checkout ?? null,
    created_at: at,
    updated_at: at,
  };
}

/** Name and description are what they are now (spec/memory.md, Mount). */
function attachedStore(
  { memory_store_id: id, access, instructions }: ParamsOf<'memory_store'>,
  { stores }: ResourceParts,
  earlier: readonly SessionResource[],
): SessionResource {
  const store = stores.get(id);
  assert(store, `${id} was looked up`);
  const taken = earlier.map((resource) => resource.mount_path);
  return {
    type: 'memory_store',
    memory_store_id: id,
    access: access ?? 'read_write',
    name: store.name,
    description: store.description,
    ...(instructions == null ? {} : { instructions }),
    mount_path: memoryPath(store, (path) => taken.includes(path)),
  };
}

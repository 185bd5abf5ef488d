import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../base/clock.ts';
import { newId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import { createLog } from '../base/log.ts';
import type { Hands, SandboxRecipe } from '../domain/hands.ts';
import { diskQuotaBytesDefault } from '../domain/limits.ts';
import type { RepositoryTokens } from '../domain/repositories.ts';
import type { SandboxSecrets } from '../domain/sandbox-secrets.ts';
import { builtinTools, isServerTool } from '../domain/tools/builtin.ts';
import { ensureBubblewrap } from '../hands/bubblewrap/install.ts';
import { createBubblewrapProvider } from '../hands/bubblewrap/provider.ts';
import { createDiskQuota } from '../hands/disk-quota.ts';
import type { Doors } from '../hands/egress/doors.ts';
import { createDoors, noDoors } from '../hands/egress/doors.ts';
import { createRecorder } from '../hands/egress/recorder.ts';
import { createHands } from '../hands/hands.ts';
import type { Mounts } from '../hands/mounts/mounts.ts';
import { createMemoryMounts, noMounts } from '../hands/mounts/mounts.ts';
import { noSnapshots } from '../hands/snapshots.ts';
import { createWorkspaces } from '../hands/workspaces.ts';
import { readableLine } from './readable-log.ts';
import type { WorkerConfig } from './worker-config.ts';
import { readWorkerConfig } from './worker-config.ts';
import { remoteMemories } from './worker-memory.ts';
import type { Client } from './worker-sdk.ts';
import { sdk } from './worker-sdk.ts';
import type { World } from './world.ts';

/**
 * `anthill worker`: runs the sandbox tools of a self-hosted environment's sessions on this machine, with the official
 * SDK's worker and the sandboxes of `anthill up`, until SIGTERM or SIGINT. Resolves with the exit code.
 */
export async function worker(args: readonly string[], world: World): Promise<number> {
  const config = readWorkerConfig(args, world.env, world.cwd);
  const isReadable = world.stderr.isTTY === true;
  const log = createLog({
    level: config.logLevel,
    write: (line) => world.stderr.write(isReadable ? readableLine(line) : line),
  });
  /** What is mounted for the sessions that are served now. */
  const mounted = new Map<string, Mounts>();
  const hands = await openHands(config, world, { log, mounts: mountsOf(mounted) });
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort());
  log.info('worker.ready', { environmentId: config.environmentId, name: config.name });
  try {
    await serve(config, { hands, mounted, log, signal: stop.signal });
    return 0;
  } finally {
    await hands.close();
    log.info('worker.stopped');
  }
}

type Surroundings = { readonly mounts: Mounts; readonly log: Log };

async function openHands(config: WorkerConfig, world: World, { mounts, log }: Surroundings): Promise<Hands> {
  const { dataDir } = config;
  mkdirSync(join(dataDir, 'sessions'), { recursive: true, mode: 0o700 });
  const isRoot = process.getuid?.() === 0;
  const say = (line: string) => world.stderr.write(`${line}\n`);
  const bubblewrap = await ensureBubblewrap({ path: world.env['PATH'] ?? '', isRoot, say });
  const provider = createBubblewrapProvider({ bubblewrap, dataDir, isRoot });
  const { unavailable, isolation, limits, network } = await provider.capabilities();
  if (unavailable !== null) throw new Error(unavailable);
  log.info('sandbox.capabilities', { isolation, limits, network });
  await provider.sweep();
  const noFiles = () => Promise.reject(new Error('sessions of workers have no files'));
  const workspaces = createWorkspaces(join(dataDir, 'sessions'), noFiles);
  const doors = openDoors(config, log);
  const clock = systemClock;
  const disk = createDiskQuota({ dataDir, diskQuotaBytes: diskQuotaBytesDefault, clock, log });
  return createHands({ provider, workspaces, mounts, doors, disk, snapshots: noSnapshots, clock, log });
}

/** Each session has its own, which come and go with its work item. */
function mountsOf(mounted: ReadonlyMap<string, Mounts>): Mounts {
  const of = (sessionId: string) => mounted.get(sessionId) ?? noMounts;
  return {
    prepare: (recipe) => of(recipe.sessionId).prepare(recipe),
    bring: (recipe) => of(recipe.sessionId).bring(recipe),
    collect: (recipe) => of(recipe.sessionId).collect(recipe),
    idle: (sessionId) => of(sessionId).idle(sessionId),
  };
}

/** The server hands out neither. */
const noTokens: RepositoryTokens = { tokenOf: async () => null, placeholderOf: () => '' };
const noSecrets: SandboxSecrets = { variables: async () => [], forHost: async () => [] };

/** The network is the operator's to choose: a self-hosted environment says nothing about it. */
function openDoors({ dataDir, networking, egress }: WorkerConfig, log: Log): Doors {
  if (networking === null) return noDoors;
  const packages = { apt: [], cargo: [], gem: [], go: [], npm: [], pip: [] };
  // MCP servers are called by the server.
  const agent = { mcp_servers: [], multiagent: null };
  const clock = systemClock;
  return createDoors({
    directory: join(dataDir, 'run', 'doors'),
    settings: egress,
    stateOf: async (id) => ({ id, environmentId: '', vaultIds: [], resources: [], agent }),
    configOf: async () => ({ type: 'cloud', networking, packages }),
    secrets: noSecrets,
    repositoryTokens: noTokens,
    // In the log only.
    recorder: createRecorder({ records: { insert: async () => {} }, clock, newId, log }),
    clock,
    log,
  });
}

type Serving = {
  readonly hands: Hands;
  readonly mounted: Map<string, Mounts>;
  readonly log: Log;
  readonly signal: AbortSignal;
};

async function serve(config: WorkerConfig, { hands, mounted, log, signal }: Serving): Promise<void> {
  const { baseUrl, environmentId, environmentKey } = config;
  const { Anthropic, ToolError, sessionsTokenFromSecret } = await sdk();
  const client = new Anthropic({
    baseURL: baseUrl,
    apiKey: null,
    authToken: environmentKey,
    logLevel: 'warn',
  });
  const { work } = client.beta.environments;
  const common = { environmentId, environmentKey, workerId: config.name };
  const running = new Set<Promise<void>>();

  async function item(id: string, sessionId: string, secret: string | null): Promise<void> {
    log.info('worker.session_begins', { sessionId });
    const directory = join(config.dataDir, 'sessions', sessionId);
    const resources = await memoryOf(secret, sessionId);
    const recipe = { sessionId, environmentId, resources, skills: [] };
    const tools = toolsOf(hands, recipe, (content) => new ToolError(content));
    const runner = work.worker({
      ...common,
      // Where the SDK puts skills: never a place in which the agent could have left a symbolic link.
      workdir: join(directory, 'uploads'),
      tools() {
        showSkills(directory);
        return tools;
      },
      // It would mount memory stores outside of the sandbox.
      memorySyncIntervalMs: null,
    });
    const handled = { workId: id, sessionId, environmentId, environmentKey, signal };
    try {
      await runner.handleItem({ ...handled, ...(secret === null ? {} : { workSecret: secret }) });
    } catch (cause) {
      if (!signal.aborted) log.error('worker.session_failed', { sessionId, cause });
    } finally {
      hands.rest(sessionId);
      mounted.delete(sessionId);
      log.info('worker.session_ends', { sessionId });
    }
  }

  /** The memory stores of a session, reached with the token of its item: no other may. */
  async function memoryOf(secret: string | null, sessionId: string): Promise<Resources> {
    const token = sessionsTokenFromSecret(secret);
    if (token === null) return [];
    const own = new Anthropic({ baseURL: baseUrl, apiKey: null, authToken: token, logLevel: 'warn' });
    const stores = await storesOf(own, sessionId).catch((cause: unknown): Resources => {
      log.warn('memory.not_mounted', { sessionId, cause });
      return [];
    });
    if (stores.length === 0) return [];
    const place = { directory: join(config.dataDir, 'sessions'), findMemories: remoteMemories(own) };
    mounted.set(sessionId, createMemoryMounts({ ...place, clock: systemClock, newId, log }));
    return stores;
  }

  for await (const { id, data, secret } of work.poller({ ...common, signal, autoStop: false })) {
    const served = item(id, data.id, secret).finally(() => running.delete(served));
    running.add(served);
    if (running.size >= config.sessions) await Promise.race(running);
  }
  await Promise.all(running);
}

/** Skills are below /mnt/session/uploads, which agents cannot change, and are found as `skills` where they work. */
function showSkills(directory: string): void {
  const skills = join(directory, 'uploads', 'skills');
  if (!existsSync(skills)) return;
  execFileSync('chmod', ['-R', 'a+rX', '--', skills]);
  const workspace = join(directory, 'workspace');
  mkdirSync(workspace, { recursive: true, mode: 0o700 });
  try {
    symlinkSync('/mnt/session/uploads/skills', join(workspace, 'skills'));
  } catch (cause) {
    // It is there from an earlier item, or the agent made something else of it.
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause;
  }
}

type Resources = SandboxRecipe['resources'];

async function storesOf(client: Client, sessionId: string): Promise<Resources> {
  const { resources } = await client.beta.sessions.retrieve(sessionId);
  // The SDK's types and ours describe the same objects.
  return resources.filter(({ type }) => type === 'memory_store') as unknown as Resources;
}

/** Only text and images come out of these tools, and both mean the same in both APIs. */
type Shown = { readonly type: 'text'; readonly text: string }[];

/** The built-in tools as the SDK's worker calls them, each run in the session's sandbox. */
function toolsOf(hands: Hands, recipe: SandboxRecipe, errorOf: (content: Shown) => Error) {
  return sandboxTools.map(({ name, description }) => ({
    name,
    description,
    // What the model sent is checked where it is run.
    input_schema: { type: 'object' as const },
    parse: (input: unknown) => input as Record<string, unknown>,
    async run(input: Record<string, unknown>, context?: Context) {
      const eventId = context?.toolUse.id ?? '';
      const signal = context?.signal ?? new AbortController().signal;
      const { content, isError } = await hands.execute(recipe, { eventId, name, input }, signal);
      const shown = [...content] as Shown;
      if (isError) throw errorOf(shown);
      return shown;
    },
  }));
}

const sandboxTools = builtinTools.filter(({ name }) => !isServerTool(name));

type Context = {
  readonly toolUse: { readonly id: string };
  readonly signal?: AbortSignal | null | undefined;
};
